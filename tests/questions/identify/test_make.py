from __future__ import annotations

import pytest
import torch

from attnaudit.errors import InputError, ModelError
from attnaudit.models.interface import Keys, Values
from attnaudit.models.lengths import Texts
from attnaudit.questions.identify import QUESTION
from attnaudit.questions.identify.cost import cost
from attnaudit.questions.identify.make import settle
from attnaudit.questions.identify.settings import IdentifySettings
from attnaudit.records.fields import check

from .conftest import LENGTHS

HEADS = 3


def test_a_bert_in_closed_form(bert, made_of):
    """Of n tokens n - 5 are free in heads of 4 dimensions, and none of them by a query."""
    for n, record in zip(LENGTHS, made_of(*bert()), strict=True):
        positions = n + 2
        assert record["positions"] == positions
        free = max(0, positions - 5)
        assert record["detached"]["values"] == record["detached"]["output"] == [free] * HEADS
        assert record["detached"]["fixed"] == [float(free == 0)] * HEADS
        assert record["producible"]["directions"] == [min(4, positions - 1)] * HEADS
        assert record["producible"]["freedom"] == [0] * HEADS
        assert all(far > 1e-5 for far in record["detached"]["jsd"]) == (free > 0)


def test_a_classic_model_in_closed_form(classic, made_of):
    """States have 8 dimensions, and 4 of the keys: the query of an additive score is v."""
    for n, record in zip(LENGTHS, made_of(*classic()), strict=True):
        assert record["positions"] == n
        assert record["detached"]["values"] == [max(0, n - 9)]
        # One logit: all but two directions are free.
        assert record["detached"]["output"] == [max(0, n - 2)]
        assert record["producible"]["directions"] == [min(4, n - 1)]
        assert record["producible"]["freedom"] == [0]


def test_what_is_kept_decides_what_is_free(classic, made_of):
    asked = made_of(*classic(), kept="output")
    for n, record in zip(LENGTHS, asked, strict=True):
        assert record["detached"]["fixed"] == [float(n <= 2)]
        assert record["producible"]["freedom"] == [max(0, min(4, n - 1) - 1)]
        assert record["least_norm"]["alone"]["tvd"] < 1e-9


@pytest.mark.parametrize("attention", ["additive", "dot"])
def test_answers_stay_under_all_that_is_found(bert, classic, made_of, attention):
    for model, batches in (bert((5,)), classic(attention, (4, 11))):
        for record in made_of(model, batches, intervals=True, starts=1):
            for read in (record["least_norm"], record["intervals"]["read"]):
                for part in ("alone", "together"):
                    assert read[part]["tvd"] < 1e-6
                    assert not read[part]["flips"]
            if record["others"]["read"]:
                assert record["others"]["read"]["tvd"] < 1e-6


def test_what_is_read_are_the_weights_themselves(bert, made_of, monkeypatch):
    """Where other weights are put into one head in their place, answers move."""
    from attnaudit.questions.identify import make

    model, batches = bert((8,))
    monkeypatch.setattr(
        make.Head, "least_norm", property(lambda head: head.weights * 0 + 1 / len(head.weights))
    )
    (record,) = made_of(model, batches)
    (batch,) = batches
    encoded = model.encode(batch)
    own = model.attend(encoded)
    variants = own.unsqueeze(1).repeat(1, HEADS + 1, 1, 1)
    for head in range(HEADS):
        variants[0, head, head] = 0.1
    variants[0, HEADS] = 0.1
    said = model.read(encoded, variants).softmax(-1)
    plain = model(batch).softmax(-1).unsqueeze(1)
    far = ((said - plain).abs().sum(-1) / 2)[0]
    read = record["least_norm"]
    assert read["alone"]["tvd"] == pytest.approx(float(far[:HEADS].max()), rel=1e-6)
    assert read["together"]["tvd"] == pytest.approx(float(far[HEADS]), rel=1e-6)
    assert read["alone"]["tvd"] > 1e-3


def test_records_are_what_they_must_be_and_do_not_depend_on_the_batch(bert, made_of):
    lengths = (1, 5, 7)
    asked = {"intervals": True, "starts": 1, "longest": 8}
    whole = made_of(*bert(lengths), **asked)
    apart = made_of(*bert(lengths, budget=1), **asked)
    for one, other in zip(whole, apart, strict=True):
        check(one, QUESTION.kind, None, None)
        assert alike(one, other)
    assert [record["intervals"] is None for record in whole] == [False, False, True]
    assert whole[1]["intervals"]["support"] == [5] * HEADS  # of 7 tokens


def alike(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float):
        return one == pytest.approx(other, rel=1e-4, abs=1e-6)
    return one == other


def test_intervals_hold_the_weights_of_the_model(bert, made_of):
    model, batches = bert((2, 6))
    (batch,) = batches
    alpha = model.attend(model.encode(batch))
    for b, record in enumerate(made_of(model, batches, intervals=True)):
        ranges, n = record["intervals"], record["positions"]
        for head in range(HEADS):
            own = alpha[b, head, :n].tolist()
            for low, weight, high in zip(
                ranges["low"][head], own, ranges["high"][head], strict=True
            ):
                assert low - 1e-7 <= weight <= high + 1e-7
                assert (low == pytest.approx(high, abs=1e-9)) == (n <= 5)


def test_a_map_that_loses_directions_frees_weights(bert, made_of):
    model, batches = bert((6,))
    weight = model.network.bert.encoder.layer[1].attention.output.dense.weight
    before = weight.clone()
    try:
        weight[:, 4:8] = 0  # the slice of head 1
        weight[:, 9:12] = 0  # three of the four dimensions of head 2
        (record,) = made_of(model, batches)
        (kept,) = made_of(model, batches, kept="output")
    finally:
        weight.copy_(before)
    assert record["detached"]["values"] == [3, 3, 3]
    assert record["detached"]["output"] == [3, 7, 6]
    assert kept["producible"]["freedom"] == [0, 4, 3]
    assert kept["least_norm"]["together"]["tvd"] < 1e-9


def test_float32_gives_the_same_ranks(bert, made_of):
    wide, narrow = (made_of(*bert(dtype=t)) for t in (torch.float64, torch.float32))
    for one, other in zip(wide, narrow, strict=True):
        assert one["detached"]["values"] == other["detached"]["values"]
        assert one["producible"]["freedom"] == other["producible"]["freedom"]
        assert other["least_norm"]["together"]["tvd"] < 1e-5


def test_a_tolerance_that_is_given_decides(bert, made_of):
    (record,) = made_of(*bert((6,)), tolerance=0.9)
    assert record["detached"]["values"] == [7] * HEADS


def test_weights_that_no_query_makes_have_no_producible_ones(classic, made_of):
    for record in made_of(*classic("uniform"), starts=2):
        assert record["producible"] is record["others"] is None
        assert record["detached"]["jsd"] == [pytest.approx(0, abs=1e-9)]


def test_a_model_that_shows_less(classic, made_of):
    model, batches = classic()
    model.keys = None  # as a plug-in that has none
    assert all(record["producible"] is None for record in made_of(model, batches))
    shown = model.values
    model.values = lambda encoded: Values(shown(encoded).vectors, None)
    assert all(record["detached"]["output"] is None for record in made_of(model, batches))
    with pytest.raises(InputError, match="--kept output: the model shows no linear map"):
        made_of(model, batches, kept="output")
    model.values = None
    with pytest.raises(InputError, match="does not show them") as raised:
        settle(IdentifySettings(), model)
    assert "values(encoded)" in (raised.value.hint or "")


def test_keys_of_other_weights_are_refused(classic, made_of):
    model, batches = classic()
    shown = model.keys

    def wrong(encoded):
        found = shown(encoded)
        return Keys(found.vectors, 9 * found.query)

    model.keys = wrong
    with pytest.raises(ModelError, match="its `keys` do not give"):
        made_of(model, batches)


def test_half_precision_is_refused(classic):
    with pytest.raises(InputError, match="half precision") as raised:
        settle(IdentifySettings(), classic()[0].bfloat16())
    assert "--dtype float32" in (raised.value.hint or "")


def test_the_reading_must_be_there(bert):
    with pytest.raises(InputError, match="no head 3"):
        settle(IdentifySettings(reading="head3"), bert()[0])


class Counting:
    def __init__(self, model):
        self.forward, self.answers = 0, 0
        encode, read = model.encode, model.read
        model.encode = lambda *args: (self.count(args[0]), encode(*args))[1]
        model.read = lambda encoded, alpha: (self.answer(alpha), read(encoded, alpha))[1]

    def count(self, batch):
        self.forward += len(batch)

    def answer(self, alpha):
        self.answers += alpha.shape[0] * alpha.shape[1]


@pytest.mark.parametrize("asked", [{}, {"intervals": True, "longest": 7}, {"starts": 1}])
def test_the_cost_is_that_of_what_is_done(bert, made_of, asked):
    model, batches = bert((1, 5, 6, 7))
    said = cost(model, Texts.of(batches), IdentifySettings(**asked))
    counting = Counting(model)
    try:
        made_of(model, batches, **asked)
    finally:
        del model.encode, model.read
    assert said.forward == counting.forward == 4
    assert said.exact == (not asked)
    if asked:
        assert counting.answers <= said.answers <= 4 * counting.answers
    else:
        assert said.answers == counting.answers == 4 * (1 + 1 + HEADS + 1)
