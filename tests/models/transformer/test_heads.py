"""Heads scaled and keys hidden, against transformers' own eager attention with edited weights."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from attnaudit.errors import ModelError
from attnaudit.models.interface import agree
from attnaudit.models.transformer.heads import altering
from attnaudit.models.transformer.interception import Call

from .conftest import config_of, text_batch

LAYERS, HEADS, SIZE = 3, 4, 8
# Where the output projection of a layer stands, and which of its axes the heads are on.
PROJECTIONS = {
    "bert": ("bert.encoder.layer.{}.attention.output.dense.weight", 1),
    "distilbert": ("distilbert.transformer.layer.{}.attention.out_lin.weight", 1),
    "gpt2": ("transformer.h.{}.attn.c_proj.weight", 0),
    "llama": ("model.layers.{}.self_attn.o_proj.weight", 1),
    "modernbert": ("model.layers.{}.attn.Wo.weight", 1),
}


def eager(model, kind, state=None):
    """The same network under transformers' own attention."""
    network = AutoModelForSequenceClassification.from_config(
        config_of(kind, attn_implementation="eager")
    ).eval()
    network.load_state_dict(state or model.network.state_dict())
    return network


def ones(*shape, **more):
    return torch.ones(1, LAYERS, HEADS, 1, **more) if not shape else torch.ones(*shape, **more)


@pytest.mark.parametrize("kind", [*PROJECTIONS, "albert", "gemma2", "deberta-v2", "bloom"])
@torch.no_grad()
def test_factors_of_one_change_nothing(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 7)
    assert (model.layer_count, model.head_count) == (LAYERS, HEADS)
    plain = model(batch)
    assert torch.equal(model.scale_heads(batch, ones()), plain)
    nobody = torch.zeros_like(batch.mask)
    assert agree(model.scale_heads(batch, ones(2, LAYERS, HEADS, 12), nobody), plain)
    assert not agree(model.scale_heads(batch, 0 * ones()), plain)
    assert torch.equal(model(batch), plain)


@pytest.mark.parametrize("kind", PROJECTIONS)
@torch.no_grad()
def test_a_head_at_zero_is_a_model_without_its_slice_of_the_projection(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 7)
    name, axis = PROJECTIONS[kind]
    for layer, head in ((0, 0), (1, 3), (2, 1)):
        state = copy.deepcopy(model.network.state_dict())
        rows = state[name.format(layer)]
        rows.narrow(axis, head * SIZE, SIZE).zero_()
        cut = eager(model, kind, state)
        inputs = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
        factors = ones()
        factors[0, layer, head] = 0
        found = model.scale_heads(batch, factors)
        assert agree(found, cut(**inputs).logits)
        assert not agree(found, model(batch))


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "albert"])
def test_gradients_are_those_of_central_differences(make_classifier, kind):
    model, batch = copy.deepcopy(make_classifier(kind)).double(), text_batch(9, 6)
    shape = (2, LAYERS, HEADS, 9)
    factors = ones(*shape, dtype=torch.float64, requires_grad=True)
    loss = model.scale_heads(batch, factors).log_softmax(-1)[:, 1].sum()
    (slopes,) = torch.autograd.grad(loss, factors)
    assert not slopes.transpose(2, 3)[~batch.mask[:, None].expand(2, LAYERS, 9)].any()
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        towards = torch.randn(shape, generator=generator, dtype=torch.float64)
        step = 1e-4
        with torch.no_grad():
            ends = [
                model.scale_heads(batch, ones(*shape) + sign * step * towards)
                .log_softmax(-1)[:, 1]
                .sum()
                for sign in (1, -1)
            ]
        slope = (ends[0] - ends[1]) / (2 * step)
        assert float((slopes * towards).sum()) == pytest.approx(float(slope), rel=1e-5)


@pytest.mark.parametrize("kind", ["bert", "distilbert", "gpt2"])
@torch.no_grad()
def test_hidden_keys_are_those_that_the_mask_of_the_model_hides(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 7)
    dropped = torch.zeros_like(batch.mask)
    dropped[0, [2, 5]] = dropped[1, 3] = True
    inputs = {"input_ids": batch.ids, "attention_mask": (batch.mask & ~dropped).long()}
    found = model.scale_heads(batch, ones(), dropped)
    assert agree(found, eager(model, kind)(**inputs).logits)
    assert not agree(found, model(batch))


@pytest.mark.parametrize("kind", ["gemma2", "mistral", "opt"])
@torch.no_grad()
def test_a_hidden_key_moves_no_row_that_could_not_see_it(make_classifier, kind):
    """A decoder's rows before the hidden one; with a window, those far behind it in one layer."""
    model, batch = make_classifier(kind), text_batch(12)
    whole, less = [], []
    for found, dropped in ((whole, None), (less, torch.arange(12)[None] == 5)):
        inner = altering(ones(), dropped)

        def handler(call, inner=inner, found=found):
            found.append(inner(call))
            return found[-1]

        with model.seam.handling(handler):
            model(batch)
    for before, after in zip(whole, less, strict=True):
        assert torch.allclose(before[:, :5], after[:, :5], atol=1e-6)
    assert not torch.allclose(whole[0][:, 5:], less[0][:, 5:], atol=1e-6)


def test_a_row_without_keys_gets_zeros():
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 3, 4, generator=generator)
    causal = torch.ones(3, 3, dtype=torch.bool).tril()[None, None]
    added = torch.zeros(1, 1, 3, 3).masked_fill(~causal, torch.finfo(torch.float32).min)
    for mask in (causal, added):
        call = Call(torch.nn.Identity(), query, key, value, mask, 0.5, None, 0.0, {})
        given = altering(torch.ones(1, 1, 2, 1), torch.tensor([[True, False, False]]))(call)
        assert not given[:, 0].any()
        assert torch.allclose(given[:, 1], value[:, :, 1])
        assert given[:, 2].any()


def test_layers_that_differ_in_their_heads_are_refused(make_classifier):
    model, batch = make_classifier("bert"), text_batch(5)
    with pytest.raises(ModelError, match="differ in their number of heads"):
        model.scale_heads(batch, torch.ones(1, LAYERS, HEADS + 1, 1))


@pytest.mark.parametrize("kind", ["bert", "gpt2", "modernbert"])
def test_states_of_layers_are_what_transformers_gives_and_have_gradients(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 7)
    states = model.layer_states(batch)
    assert len(states) == LAYERS + 1
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
    with torch.no_grad():
        given = eager(model, kind)(**inputs, output_hidden_states=True).hidden_states
    for ours, theirs in zip(states[:LAYERS], given, strict=False):  # the last one is normed there
        assert torch.allclose(ours[batch.mask], theirs[batch.mask], atol=1e-5)
    (slope,) = torch.autograd.grad(states[-1][0, 3].sum(), states[0])
    assert slope[0].any()
    assert not slope[1].any()


def test_gradients_of_states_are_those_of_central_differences(make_classifier):
    model = copy.deepcopy(make_classifier("gpt2")).double()  # which norms no embeddings
    batch = text_batch(8)
    states = model.layer_states(batch)
    (slope,) = torch.autograd.grad(states[-1][0, 7].sum(), states[0])
    embedded = model.embed(batch)
    towards = torch.randn(embedded.shape, generator=torch.Generator().manual_seed(1)).double()
    table, ends = model.network.get_input_embeddings(), []
    for sign in (1, -1):
        moved = embedded + sign * 1e-5 * towards
        hook = table.register_forward_hook(lambda *_, moved=moved: moved)
        ends.append(model.layer_states(batch)[-1][0, 7].sum().detach())
        hook.remove()
    expected = float(ends[0] - ends[1]) / 2e-5
    assert float((slope * towards).sum()) == pytest.approx(expected, rel=1e-5)
