from __future__ import annotations

import pytest
import torch

from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.interception import NAME
from attnaudit.models.transformer.own import own_attention

from .conftest import KINDS, text_batch


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_own_answers_are_those_of_the_network_without_us(make_network, make_classifier, kind):
    model, network = make_classifier(kind), make_network(kind, "eager")
    batch = text_batch(12, 4, 7)
    before = model(batch)
    expected = network(input_ids=batch.ids, attention_mask=batch.mask.long()).logits
    torch.testing.assert_close(model.own_answer(batch), expected, rtol=0, atol=1e-6)
    assert torch.equal(model(batch), before)
    assert {m.config._attn_implementation for m in model.network.modules() if hasattr(m, "config")}


def test_afterwards_the_attention_is_ours_again_whatever_happens(make_network):
    network = make_network("bert", "ours")

    def fail():
        with own_attention(network):
            raise ValueError(network.config._attn_implementation)

    with pytest.raises(ValueError, match="eager"):
        fail()
    assert network.config._attn_implementation == NAME


def test_our_attention_answers_no_call_of_its_own(make_classifier, monkeypatch):
    """So that a mistake in it cannot stand on both sides of a comparison."""
    from attnaudit.models.transformer import interception

    model, batch = make_classifier("bert"), text_batch(9, 5)
    monkeypatch.setattr(interception.Call, "plain", lambda *_: 1 / 0)
    with torch.no_grad():
        assert model.own_answer(batch).isfinite().all()
        with pytest.raises(ZeroDivisionError):
            model(batch)


@torch.no_grad()
def test_segments_reach_the_own_answer(tiny_bert):
    from attnaudit.data.batch import collate
    from attnaudit.data.instance import Instance

    model, vocabulary = tiny_bert()
    assert isinstance(model, TransformerClassifier)
    pair = Instance("a", 0, 1, ("w1", "w2"), (0, 1), 0, ("w3",), None, None, False)
    batch = collate([pair], vocabulary, boundaries=True)
    torch.testing.assert_close(model.own_answer(batch), model(batch), rtol=0, atol=1e-5)
