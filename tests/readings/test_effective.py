from __future__ import annotations

import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.models.interface import Values
from attnaudit.readings import find_reading
from attnaudit.readings.effective_passes import effective, projected

EPS = torch.finfo(torch.float64).eps


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def weights(*shape):
    return random(*shape, seed=1).softmax(-1)


def everywhere(alpha):
    return torch.ones(len(alpha), alpha.shape[-1], dtype=torch.bool)


def given(alpha, values):
    return torch.einsum("bht,bhtd,hdm->bm", alpha, values.vectors, values.output)


@pytest.mark.parametrize("width", [6, 4], ids=["regular map", "singular map"])
@pytest.mark.parametrize("tokens", [3, 9, 40])
def test_what_the_heads_give_stays_as_it_was(tokens, width):
    alpha = weights(2, 2, tokens)
    values = Values(random(2, 2, tokens, 3), random(2, 3, width, seed=2))
    found = effective(alpha, values, everywhere(alpha))
    torch.testing.assert_close(given(found, values), given(alpha, values), atol=1e-12, rtol=1e-10)
    again = effective(found, values, everywhere(alpha))
    torch.testing.assert_close(again, found, atol=1e-12, rtol=1e-10)
    assert (found.norm(dim=-1).square().sum(1) <= alpha.norm(dim=-1).square().sum(1) + 1e-12).all()


def test_with_fewer_tokens_than_dimensions_it_is_the_attention():
    alpha = weights(1, 2, 5)
    values = Values(random(1, 2, 5, 8), random(2, 8, 16, seed=2))
    torch.testing.assert_close(effective(alpha, values, everywhere(alpha)), alpha)


def test_with_a_regular_map_heads_together_are_heads_alone():
    """The joint null space is the product of those of the heads: two ways to one result."""
    alpha = weights(1, 3, 20)
    vectors, output = random(1, 3, 20, 4), random(3, 4, 12, seed=2)
    alone = effective(alpha, Values(vectors, output), everywhere(alpha))
    together = torch.cat([vectors[0, h] @ output[h] for h in range(3)])
    expected = projected(alpha.flatten(), together, EPS).view(1, 3, 20)
    torch.testing.assert_close(alone, expected, atol=1e-10, rtol=1e-8)


def test_it_is_what_least_squares_finds():
    """The shortest weights with this output, by the pseudo-inverse in place of a projection."""
    a, v = weights(30), random(30, 5)
    expected = torch.linalg.lstsq(v.T, v.T @ a, driver="gelsd").solution
    torch.testing.assert_close(projected(a, v, EPS), expected)
    assert float(expected.min()) < 0


def test_rank_is_told_by_relative_size():
    """Vectors that differ by rounding alone have one dimension, however large or small they are."""
    a, direction = weights(8), random(8, 1)
    for scale in (1e-8, 1.0, 1e8):
        blurred = scale * (direction @ random(1, 4, seed=3)).float().double()
        expected = direction[:, 0] * (direction[:, 0] @ a) / direction.square().sum()
        found = projected(a, blurred, torch.finfo(torch.float32).eps)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_what_cannot_be_attended_to_gets_nothing():
    alpha = weights(1, 1, 12)
    alpha[..., 8:] = 0
    values = Values(random(1, 1, 12, 3), None)
    there = torch.arange(12).unsqueeze(0) < 8
    found = effective(alpha, values, there)
    short = effective(alpha[..., :8], Values(values.vectors[:, :, :8], None), there[:, :8])
    assert (found[..., 8:] == 0).all()
    torch.testing.assert_close(found[..., :8], short)


def test_heads_whose_map_is_unknown_are_refused():
    with pytest.raises(InputError, match="does not show the map"):
        effective(weights(1, 2, 5), Values(random(1, 2, 5, 4), None), everywhere(weights(1, 2, 5)))


@torch.no_grad()
def test_of_two_classes_a_classic_model_ranks_by_the_words_own_logits(classic):
    found = classic()
    shown = find_reading("effective").compute(found)
    per_token, _ = found.model.token_logits(found.encoded)
    z = per_token[:, :, 1].double() * found.batch.content
    expected = z * (z * found.alpha[:, 0]).sum(1, keepdim=True) / z.square().sum(1, keepdim=True)
    torch.testing.assert_close(shown, expected.float(), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
@torch.no_grad()
def test_a_transformer_answers_the_same_under_it(seen, kind):
    """Heads of 8 dimensions and texts of 20 pieces: the weights differ, the answer does not."""
    found = seen(kind, 20, 12)
    other = effective(found.alpha, found.values, found.encoded.attendable).float()
    assert (other - found.alpha).abs().max() > 0.01
    both = torch.stack([found.alpha, other], dim=1)
    own, under = found.model.read(found.encoded, both).unbind(1)
    torch.testing.assert_close(under, own, atol=1e-5, rtol=1e-4)
    shown = find_reading("effective").compute(found)
    torch.testing.assert_close(shown, other.mean(1), atol=1e-6, rtol=1e-4)
