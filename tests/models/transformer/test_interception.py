from __future__ import annotations

import pytest
import torch
from torch import nn

from attnaudit.models.transformer.interception import (
    Call,
    Interface,
    attention,
    forwarding,
    take_over,
)

from .conftest import text_batch


def call_of(mask=None, heads=4, shared=2, queries=5, tokens=5, softcap=None, dropout=0.0):
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, heads, queries, 8, generator=generator)
    key, value = torch.randn(2, 2, shared, tokens, 8, generator=generator)
    module = nn.Module()
    module.is_causal, module.num_key_value_groups = False, heads // shared
    return Call(module, query, key, value, mask, 0.3, softcap, dropout, {})


MASKS = {
    "none": None,
    "boolean": torch.ones(2, 1, 5, 5, dtype=torch.bool).tril(),
    "added": torch.zeros(2, 1, 5, 5).masked_fill(
        ~torch.ones(5, 5, dtype=torch.bool).tril(), torch.finfo(torch.float32).min
    ),
}


@pytest.mark.parametrize("mask", MASKS)
def test_what_a_layer_computes_is_its_values_under_its_weights(mask):
    call = call_of(MASKS[mask])
    weights = call.weights()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 5))
    torch.testing.assert_close(call.output(weights), call.plain())
    if mask != "none":
        assert (weights.triu(1) == 0).all()


def test_both_kinds_of_mask_say_the_same():
    ours = [call_of(MASKS[kind]).weights() for kind in ("boolean", "added")]
    torch.testing.assert_close(*ours)


def test_one_query_over_two_keys():
    query, keys = torch.tensor([[[[1.0]]]]), torch.tensor([[[[0.0], [2.0]]]])
    weights = attention(query, keys, None, 0.5, None)
    one = torch.tensor(1.0).sigmoid()
    torch.testing.assert_close(weights.flatten(), torch.stack([1 - one, one]))
    capped = attention(query, keys, None, 50.0, 1.0)  # scores 0 and 1
    torch.testing.assert_close(capped.flatten(), torch.stack([1 - one, one]))
    hidden = attention(query, keys, torch.tensor([[[[True, False]]]]), 0.5, None)
    assert hidden.flatten().tolist() == [1.0, 0.0]


def test_a_cap_is_kept_by_the_layer_itself():
    call = call_of(MASKS["boolean"], softcap=0.5)
    scores = call.query @ call.by_head(call.key).transpose(-1, -2) * 0.3
    scores = (0.5 * torch.tanh(scores / 0.5)).masked_fill(~MASKS["boolean"], -torch.inf)
    theirs = (scores.softmax(-1) @ call.by_head(call.value)).transpose(1, 2)
    torch.testing.assert_close(call.plain(), theirs)


@pytest.mark.parametrize("mask", MASKS)
def test_hidden_positions_get_no_weight(mask):
    call, hidden = call_of(MASKS[mask]), torch.zeros(2, 5, dtype=torch.bool)
    hidden[1, 1:3] = True
    weights, before = call.hiding(hidden).weights(), call.weights()
    torch.testing.assert_close(weights[0], before[0])
    assert not weights[1, :, 1:, 1:3].any()
    left = before[1] * ~hidden[1]
    torch.testing.assert_close(weights[1], left / left.sum(-1, keepdim=True))


def test_shared_keys_are_repeated_next_to_each_other():
    call = call_of()
    spread = call.by_head(call.key)
    assert spread.shape == (2, 4, 5, 8)
    for head in range(4):
        assert torch.equal(spread[:, head], call.key[:, head // 2])


def test_handlers_answer_within_their_context_alone(make_network):
    network, batch = make_network("bert", "ours"), text_batch(6, 6)
    seen = []

    def note(name):
        return lambda call: seen.append(name) or call.plain()

    before = network(batch.ids).logits
    with Interface().handling(note("outer")):
        with pytest.raises(ZeroDivisionError), Interface().handling(lambda call: 1 / 0):
            network(batch.ids)
        with Interface().handling(note("inner")):
            network(batch.ids)
        network(batch.ids)
    assert torch.equal(network(batch.ids).logits, before)
    assert seen == ["inner"] * 3 + ["outer"] * 3


@pytest.mark.parametrize("kind", ["bert", "modernbert", "gpt2", "mistral"])
def test_every_call_brings_its_mask(make_network, kind):
    """Without our mask builder it would be None, and padding attended without a word."""
    network, batch = make_network(kind, "ours"), text_batch(9, 6)
    masks = []
    with Interface().handling(lambda call: masks.append(call.mask) or call.plain()):
        network(batch.ids, attention_mask=batch.mask.long())
        network(batch.ids[:1])  # nothing to mask but what comes later
    assert [tuple(mask.shape[-2:]) for mask in masks] == [(9, 9)] * 6
    assert not any(mask[1, ..., 6:].any() for mask in masks[:3])


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mistral", "gemma2"])
def test_ours_answers_as_theirs_does(make_network, kind):
    batch = text_batch(20, 12, 5)
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
    ours, theirs = (make_network(kind, name)(**inputs).logits for name in ("ours", "eager"))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "modernbert", "gpt2", "gemma3_text"])
def test_a_network_made_under_its_own_attention_follows(make_network, kind):
    network, batch = make_network(kind, "eager"), text_batch(9, 6)
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
    before = network(**inputs).logits
    take_over(network)
    calls = []
    with Interface().handling(lambda call: calls.append(call) or call.plain()):
        torch.testing.assert_close(network(**inputs).logits, before, atol=1e-6, rtol=1e-5)
    assert len(calls) == 3


def test_forward_is_put_back_as_it_was():
    plain, hooked = nn.Linear(2, 2), nn.Linear(2, 2)
    hooked.forward = own = lambda x: x * 3
    one = torch.ones(1, 2)
    with forwarding([plain, hooked], lambda own, x: own(x) + 1):
        assert torch.equal(hooked(one), torch.full((1, 2), 4.0))
        with pytest.raises(RuntimeError):
            plain(torch.ones(1, 3))
    assert "forward" not in vars(plain)
    assert hooked.forward is own


def test_a_module_may_stand_twice_in_the_list():
    layer = nn.Identity()
    with forwarding([layer, layer], lambda own, x: own(x) + 1):
        assert layer(1) == 2
    assert layer(1) == 1


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("softcap", [None, 0.5])
def test_keys_of_a_row_give_its_weights(mask, softcap):
    rows = torch.tensor([2, 4])
    added = MASKS[mask]
    if mask == "added":  # besides what is hidden, scores are moved
        added = added + torch.linspace(-1, 1, 5)
    call = call_of(added, softcap=softcap).of_rows(rows)
    keys = call.keys()
    scores = torch.einsum("bhtk,bhk->bht", keys.vectors, keys.query)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if keys.bias is not None:
        assert mask == "added"
        scores = scores + keys.bias
    if mask != "none":
        scores = scores.masked_fill(~call.reach()[:, :, 0], -torch.inf)
    torch.testing.assert_close(scores.softmax(-1), call.weights()[:, :, 0])
