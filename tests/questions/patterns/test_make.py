from __future__ import annotations

import pytest
import torch

from attnaudit.errors import InputError, ModelError
from attnaudit.models.lengths import Texts
from attnaudit.questions.patterns import QUESTION
from attnaudit.questions.patterns.cost import cost
from attnaudit.questions.patterns.guides import GUIDES, KEPT
from attnaudit.questions.patterns.make import settle
from attnaudit.questions.patterns.settings import PatternsSettings
from attnaudit.records.fields import check

from ..identify.test_make import alike


def test_records_are_what_they_must_be_and_do_not_depend_on_the_batch(bert, made_of):
    lengths = (1, 4)
    whole = made_of(*bert(lengths))
    apart = made_of(*bert(lengths, budget=1))
    for one, other, words in zip(whole, apart, lengths, strict=True):
        check(one, QUESTION.kind, None, None)
        assert alike(one, other)
        assert one["positions"] == words + 2
        assert one["units"] == [None, *range(words), None]
        assert one["read"] == 0
        assert list(one["patterns"]) == list(GUIDES)
        assert list(one["ablated"]) == list(KEPT)
        assert "tokens" not in one


def test_influences_add_up(bert, made_of):
    """Conservation to far more than 5 decimals; completeness as more points are taken."""
    model, batches = bert((3, 5))
    coarse, fine = (made_of(model, batches, steps=steps) for steps in (1, 64))
    for one, other in zip(coarse, fine, strict=True):
        assert max(one["gap"], one["pairs"], other["gap"], other["pairs"]) < 1e-8
        assert other["completeness"] < one["completeness"] / 10


def test_float32_conserves_to_5_decimals(bert, made_of):
    for record in made_of(*bert((4,), layers=3, dtype=torch.float32)):
        assert record["gap"] < 1e-5
        assert record["pairs"] < 1e-5


def test_the_baseline_is_the_answer_if_nothing_is_kept(bert, made_of):
    model, batches = bert((3,))
    (record,) = made_of(model, batches, steps=64, placeholder="unknown")
    (batch,) = batches
    said = model(batch.replace(batch.content, model.unknown_token)).softmax(-1)[0]
    own = model(batch).softmax(-1)[0]
    far = float((said - own).abs().sum() / 2)
    for level in ("positions", "heads"):
        assert record["ablated"]["nothing"][level]["tvd"] == pytest.approx(far, abs=1e-7)
        assert record["ablated"]["nothing"][level]["kept"] == 0
    # The influences are the way from there to the answer.
    odds = torch.logit(own.max()) - torch.logit(said[own.argmax()])
    assert sum(record["influence"]) == pytest.approx(float(odds), abs=1e-2)


def test_texts_that_are_too_long_are_left_out(bert, made_of):
    short, long = made_of(*bert((2, 5)), longest=6)
    assert short["influence"] is not None
    assert long["positions"] == 7
    assert long["influence"] is long["patterns"] is long["ablated"] is None
    check(long, QUESTION.kind, None, None)


def test_words_stand_in_records_only_where_text_is_asked_for(bert, made_of):
    (record,) = made_of(*bert((2,)), text=True)
    assert len(record["tokens"]) == 2
    assert record["tokens"][0].startswith("w")
    check(record, QUESTION.kind, None, None)


def test_a_model_without_layers_is_refused(tiny_bert):
    class Flat(torch.nn.Module):
        layer_count = None

    with pytest.raises(InputError, match="no such layers") as raised:
        settle(PatternsSettings(), Flat())
    assert "correlate" in (raised.value.hint or "")


def test_a_model_of_many_layers_is_refused(bert, monkeypatch):
    model, _ = bert()
    monkeypatch.setattr(model, "layer_count", 24)
    with pytest.raises(InputError, match=r"up to 12 layers, and the model has 24"):
        settle(PatternsSettings(), model)


def test_half_precision_is_refused(bert):
    with pytest.raises(InputError, match="half precision") as raised:
        settle(PatternsSettings(), bert()[0].bfloat16())
    assert "--dtype float32" in (raised.value.hint or "")


def test_the_placeholder_is_one_that_the_model_has(bert):
    model, _ = bert()
    assert settle(PatternsSettings(), model).placeholder == "mask"
    model.mask_token = None
    assert settle(PatternsSettings(), model).placeholder == "unknown"
    with pytest.raises(InputError, match="--placeholder mask: the model has no mask token"):
        settle(PatternsSettings(placeholder="mask"), model)
    model.unknown_token = None
    once = settle(PatternsSettings(), model)
    assert once.placeholder == "zeros"
    assert settle(once, model) == once


def test_a_layer_that_lets_positions_meet_elsewhere_is_refused(bert, made_of):
    model, batches = bert((3,))
    layer = model.network.bert.encoder.layer[1].output

    def mixes(module, args, given):
        return given + given.mean(1, keepdim=True) if given.shape[1] > 1 else given

    hook = layer.register_forward_hook(mixes)
    try:
        with pytest.raises(ModelError, match="layer 2 of it lets positions meet"):
            made_of(model, batches)
    finally:
        hook.remove()


def test_the_cost_is_at_most_what_is_said(bert, made_of, monkeypatch):
    """In layers run: every run of a block, by a text or by a position of one."""
    model, batches = bert((2, 4))
    said = cost(model, Texts.of(batches), PatternsSettings(steps=3))
    run = 0

    def count(module, args, kwargs):
        nonlocal run
        states = args[0]
        run += states.shape[0] * states.shape[1]

    hooks = [
        layer.register_forward_pre_hook(count, with_kwargs=True)
        for layer in model.network.bert.encoder.layer
    ]
    made_of(model, batches, steps=3)
    for hook in hooks:
        hook.remove()
    assert not said.exact
    tokens = 6  # of the longer text
    assert 0 < run <= (said.forward + said.backward) * 2 * tokens
