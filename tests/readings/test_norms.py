from __future__ import annotations

import pytest
import torch
from torch import nn

from attnaudit.errors import InputError
from attnaudit.models.interface import Joined, Layer, Values
from attnaudit.readings import find_reading
from attnaudit.readings.norm_passes import joined_norms, norms, parts_of, sums_of

NORMS = ("norms", "norms_residual", "norms_residual_norm")


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def weights(*shape):
    return random(*shape, seed=1).softmax(-1)


def test_with_an_identity_map_it_is_the_weight_times_the_length_of_the_value():
    alpha, vectors = weights(2, 1, 5), random(2, 1, 5, 4)
    expected = alpha[:, 0] * vectors[:, 0].norm(dim=-1)
    for output in (None, torch.eye(4).unsqueeze(0)):
        torch.testing.assert_close(norms(alpha, Values(vectors, output)), expected)


def test_heads_that_say_the_opposite_cancel_each_other_out():
    alpha, vectors = weights(1, 1, 5).repeat(1, 2, 1), random(1, 1, 5, 4).repeat(1, 2, 1, 1)
    output = random(1, 4, 3)
    opposite = torch.cat([output, -output])
    assert norms(alpha, Values(vectors, opposite)).abs().max() < 1e-6
    alike, alone = Values(vectors, output.repeat(2, 1, 1)), Values(vectors[:, :1], output)
    torch.testing.assert_close(norms(alpha, alike), 2 * norms(alpha[:, :1], alone))


def test_heads_whose_map_is_unknown_are_refused():
    with pytest.raises(InputError, match="does not show the map"):
        norms(weights(1, 2, 5), Values(random(1, 2, 5, 4), None))


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mpnet", "llama"])
@torch.no_grad()
def test_the_parts_of_a_row_add_up_to_what_the_layer_makes_of_it(seen, kind):
    """The parts, the bias and, behind a norm, its beta, are what the next module is given."""
    found = seen(kind)
    model, batch, joined = found.model, found.batch, found.joins[-1]
    layer, row, each = model.trace(batch)[-1], found.row, torch.arange(2)
    parts = parts_of(layer, joined, row.unsqueeze(1))[:, 0]
    bias = 0 if joined.bias is None else joined.bias
    whole = sums_of(layer, joined)[each, row]
    torch.testing.assert_close(parts.sum(1) + bias, whole, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_through_the_norm_parts_add_up_to_what_it_gives(seen):
    """By derivatives of the norm whose deviation is held: another way to the same parts."""
    found = seen("bert")
    joined, layer = found.joins[-1], found.model.trace(found.batch)[-1]
    norm, whole = joined.norm, sums_of(layer, joined)[:, 0]
    parts = parts_of(layer, joined, torch.zeros(2, 1, dtype=torch.long))[:, 0]
    shown = joined_norms(layer, joined, torch.zeros(2, dtype=torch.long), True)
    for b in range(2):
        deviation = (whole[b].var(correction=0) + norm.eps).sqrt()
        linear = torch.diag(norm.weight / deviation) @ (
            torch.eye(32) - torch.full((32, 32), 1 / 32)
        )
        mapped = parts[b] @ linear.T
        torch.testing.assert_close(mapped.norm(dim=-1), shown[b], atol=1e-5, rtol=1e-4)
        rest = norm.bias + linear @ joined.bias
        torch.testing.assert_close(mapped.sum(0) + rest, norm(whole[b]), atol=1e-5, rtol=1e-4)


def test_the_row_itself_counts_with_its_residual():
    """A head that gives nothing: all that the row is made of is its own state."""
    layer = Layer(weights(1, 2, 4, 4), torch.zeros(1, 2, 4, 3), random(1, 4, 6))
    joined = Joined(random(2, 3, 6), None, nn.LayerNorm(6))
    shown = joined_norms(layer, joined, torch.tensor([2]), False)
    expected = torch.zeros(1, 4)
    expected[0, 2] = layer.states[0, 2].norm()
    torch.testing.assert_close(shown, expected)


@torch.no_grad()
def test_of_a_bilstm_it_is_the_size_of_a_words_own_part_of_the_logit(classic):
    found = classic()
    shown = find_reading("norms").compute(found)
    per_token, _ = found.model.token_logits(found.encoded)
    expected = (found.alpha[:, 0] * per_token[:, :, 1]).abs()
    torch.testing.assert_close(shown * found.batch.content, expected * found.batch.content)
    assert find_reading("norms").needs(found.model) is None


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mpnet"])
@torch.no_grad()
def test_texts_beside_it_change_nothing(seen, kind):
    together, alone = seen(kind), seen(kind, 9)
    for name in NORMS:
        reading = find_reading(name)
        if reading.needs(together.model) is None:
            both, one = reading.compute(together), reading.compute(alone)
            torch.testing.assert_close(both[:1], one, atol=1e-5, rtol=1e-4)
            assert (both[~together.batch.mask] == 0).all()


def test_models_that_cannot_give_it_are_told_why(seen, classic):
    reasons = {
        "norms_residual": {
            "bert": None,
            "gpt2": None,
            "gpt_neox": "it needs layers that add what their heads give to their states, and layer"
            " 1 of this model does something else",
        },
        "norms_residual_norm": {
            "bert": None,
            "gpt2": "no LayerNorm takes the sum of the attention and its residual in this model,"
            " so that norms_residual is all there is",
        },
    }
    for name, by_kind in reasons.items():
        for kind, reason in by_kind.items():
            assert find_reading(name).needs(seen(kind).model) == reason
        assert "this model shows one" in find_reading(name).needs(classic().model)
