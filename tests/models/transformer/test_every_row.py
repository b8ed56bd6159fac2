from __future__ import annotations

import copy
import sys

import pytest
import torch

from attnaudit.errors import InputError, ModelError
from attnaudit.models.gradient_law import check_gradients
from attnaudit.models.interface import check_laws
from attnaudit.questions.variants import in_order, permuted, shuffles

from .conftest import DECODERS, text_batch

LENGTHS = (20, 12, 5)
# An encoder, one whose layers are one block, windows, a decoder, a decoder with windows.
FEW = ("bert", "albert", "modernbert", "gpt2", "mistral")


def furthest(a, b):
    return (a - b).abs().max().item()


@pytest.fixture(scope="module")
def at(make_classifier):
    """A random classifier of a kind, at a layer."""
    made = {}

    def make(kind, layer):
        if kind not in made:
            made[kind] = make_classifier(kind)
        return made[kind].at_layer(layer)

    return make


class Eager:
    """A network under its own eager attention, with the weights of one layer overridden."""

    def __init__(self, network, layer, monkeypatch):
        module = sys.modules[type(network).__module__]
        own = module.eager_attention_forward
        self.network, self.weights, self.calls = network, None, 0

        def attention(layer_, query, key, value, *args, **kwargs):
            given, weights = own(layer_, query, key, value, *args, **kwargs)
            self.calls += 1
            if self.calls == layer and self.weights is not None:
                shared = query.shape[1] // value.shape[1]
                given = (self.weights @ value.repeat_interleave(shared, 1)).transpose(1, 2)
            return given, weights

        monkeypatch.setattr(module, "eager_attention_forward", attention)

    def __call__(self, ids, weights):
        self.weights, self.calls = weights, 0
        return self.network(input_ids=ids).logits


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("kind", [*FEW, "distilbert", "gemma2", "llama", "deberta-v2", "bloom"])
def test_the_laws_hold_at_every_layer(at, kind, layer):
    model, batch = at(kind, layer), text_batch(*LENGTHS)
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded)
        assert alpha.shape == (3, 4, 20, 20)
        own = model.read(encoded, alpha.unsqueeze(1))[:, 0]
        assert furthest(own, model(batch)) <= 1e-5
        flipped = model.read(encoded, alpha.flip(1).unsqueeze(1))[:, 0]
        assert furthest(flipped, own) > 1e-4
    check_laws(model, batch, 3)
    assert model.site == f"layer {layer} of 3, every row"
    assert model.answer_cost == pytest.approx((3 - layer + 1) / 3)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_gradients_are_slopes_at_every_layer(at, kind):
    for layer in (1, 3):
        check_gradients(at(kind, layer), text_batch(*LENGTHS))


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("kind", FEW)
def test_reading_is_what_transformers_answers(at, make_network, monkeypatch, kind, layer):
    """Under its own eager attention, each text alone: own, uniform, shuffled, zero weights."""
    model, batch = at(kind, layer), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    reach = encoded.reach.unsqueeze(1)
    uniform = (reach / reach.sum(-1, keepdim=True).clamp_min(1)).expand_as(alpha)
    shuffled = permuted(alpha, encoded.entries, 1, ["a", "b", "c"], 0)[:, 0]
    odd = torch.randn(alpha.shape, generator=torch.Generator().manual_seed(1)) * reach
    variants = [alpha, uniform, shuffled, odd, torch.zeros_like(alpha)]
    ours = model.read(encoded, torch.stack(variants, dim=1))
    eager = Eager(make_network(kind), layer, monkeypatch)
    for b, n in enumerate(LENGTHS):
        ids = batch.ids[b : b + 1, :n]
        assert furthest(ours[b, :1], eager(ids, None)) <= 1e-5
        for v, weights in enumerate(variants):
            theirs = eager(ids, weights[b : b + 1, :, :n, :n])
            assert eager.calls == 3
            assert furthest(ours[b, v], theirs[0]) <= 1e-5


@pytest.mark.parametrize("kind", [*FEW, "llama", "deberta-v2", "falcon"])
def test_the_last_layer_holds_the_default_site(make_classifier, at, kind):
    """What the head's row attends to is that row, and changing it alone is the same answer."""
    model, site, batch = make_classifier(kind), at(kind, 3), text_batch(*LENGTHS)
    encoded, many = model.encode(batch), site.encode(batch)
    alpha, weights = model.attend(encoded), site.attend(many)
    each = torch.arange(3)
    rows = batch.mask.sum(1) - 1 if kind in DECODERS else torch.zeros(3, dtype=torch.long)
    assert furthest(weights[each, :, rows], alpha) <= 1e-6
    assert torch.equal(many.reach[each, rows], encoded.attendable)
    shuffled = permuted(alpha, encoded.content, 4, ["a", "b", "c"], 0)  # (B, V, H, T)
    one_row = weights.unsqueeze(1).repeat(1, 4, 1, 1, 1)
    one_row[each, :, :, rows] = shuffled
    usual = model.read(encoded, shuffled)
    assert furthest(site.read(many, one_row), usual) <= 1e-5
    assert furthest(usual, model(batch).unsqueeze(1)) > 1e-4
    if many.attendable.equal(encoded.attendable):  # no window: all rows are shuffled as that one
        every = permuted(weights, many.entries, 4, ["a", "b", "c"], 0)
        assert furthest(site.read(many, every), usual) <= 1e-5


def test_padding_changes_nothing(at):
    model, batch = at("mistral", 2), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    for b, n in enumerate(LENGTHS):
        alone = model.encode(batch.select(torch.tensor([b])))
        assert torch.equal(alone.reach[0], encoded.reach[b, :n, :n])
        assert furthest(model.attend(alone)[0], alpha[b, :, :n, :n]) <= 1e-5
    assert (alpha[1, :, 12:] == 0).all()
    assert not encoded.reach[1, 12:].any()
    anything = torch.rand(alpha.shape) * ~batch.mask[:, None, :, None] + alpha
    told = model.read(encoded, torch.stack([alpha, anything], dim=1))
    assert furthest(told[:, 0], told[:, 1]) <= 1e-6


def test_rows_reach_what_windows_and_the_order_let_them(at):
    decoder = at("gpt2", 1).encode(text_batch(7, 4))
    assert torch.equal(decoder.reach[0], torch.ones(7, 7).tril().bool())
    windowed = at("mistral", 1).encode(text_batch(9, 4))
    far = torch.arange(9).view(-1, 1) - torch.arange(9)
    assert torch.equal(windowed.reach[0], (far >= 0) & (far < 6))
    assert windowed.attendable[0].all()
    assert torch.equal(windowed.entries, windowed.reach & windowed.content.unsqueeze(1))


def test_half_precision_is_read_within_its_rounding(make_network):
    from attnaudit.models.transformer.classifier import TransformerClassifier

    network = make_network("bert", "ours").to(torch.bfloat16)
    model = TransformerClassifier(network, text_batch(9, 6)).at_layer(2)
    batch = text_batch(*LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    assert alpha.dtype == torch.float32
    assert model.read(encoded, alpha.unsqueeze(1)).dtype == torch.float32
    check_laws(model, batch, 3)


def test_variants_are_read_in_parts(at, monkeypatch):
    from attnaudit.models.transformer import every_row

    model, batch = at("bert", 2), text_batch(9, 7)
    encoded = model.encode(batch)
    weights = torch.rand(2, 5, 4, 9, 9)
    whole = model.read(encoded, weights)
    monkeypatch.setattr(every_row, "BATCH_TOKENS", 40)  # two variants of eighteen tokens
    sizes, above = [], model._above
    monkeypatch.setattr(model, "_above", lambda e, a: sizes.append(a.shape[1]) or above(e, a))
    torch.testing.assert_close(model.read(encoded, weights), whole)
    assert sizes == [2, 2, 1]


def test_layers_that_are_not_there(make_classifier):
    for layer in (0, 4, -2):
        with pytest.raises(InputError, match=f"no layer {layer}") as error:
            make_classifier("bert").at_layer(layer)
        assert "1, the lowest, to 3" in error.value.hint


def test_a_layer_that_cannot_be_read_is_refused(make_classifier):
    """Below the site the network runs once; here it counts how often, and answers by that."""
    model = copy.deepcopy(make_classifier("bert"))
    own, asked = model.network.classifier.forward, []

    def forward(states):
        asked.append(0)
        return own(states) + len(asked)

    model.network.classifier.forward = forward
    with pytest.raises(ModelError, match="cannot change the attention of layer 2 of 3"):
        model.at_layer(2)


def test_the_order_of_a_text_is_that_of_the_row(at):
    """Rows that reach part of the words take part with these, in the same random order."""
    model, batch = at("gpt2", 2), text_batch(8, 6)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    order = shuffles(encoded.entries, 6, ["a", "b"], 0)
    found = in_order(alpha, encoded.entries, order)
    for b in range(2):
        for v in range(6):
            for q in range(8):
                there = encoded.entries[b, q].nonzero().flatten().tolist()
                first = [t for t in order[b, v, 0].tolist() if t in there]
                wanted = alpha[b, :, q].clone()
                wanted[:, there] = alpha[b, :, q][:, first]
                assert torch.equal(found[b, v, :, q], wanted)
