from __future__ import annotations

import numpy as np
import pytest

from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.measures.sample import Sample
from attnaudit.questions.erase.plausibility_tables import plausibility_columns, plausibility_table
from attnaudit.questions.people import rationale_of
from attnaudit.questions.plausibility import agreement_with_people

TEXTS = [[(0.0, 1.0)] * 4] * 4
WORDS = [(0, 0, 1, 2)] * 4
FLAGS = [(0, 1, 0, 1), (0, 0, 0, 0), None, (0, 0, 1, 0)]


def test_a_word_is_marked_if_one_of_its_tokens_is(summing, known_of):
    model, batches = summing(TEXTS, words=WORDS, rationales=FLAGS)
    known = known_of(model, batches)
    assert rationale_of(known, 0).tolist() == [True, False, True]
    assert rationale_of(known, 1) is None
    assert rationale_of(known, 2) is None
    assert rationale_of(known, 3).tolist() == [False, True, False]


def test_pieces_are_marked_one_by_one(summing, known_of):
    model, batches = summing(TEXTS, words=WORDS, rationales=FLAGS, pieces=True)
    known = known_of(model, batches)
    assert rationale_of(known, 0).tolist() == [False, True, False, True]


def test_specials_and_padding_are_no_words(model, batches, instances, known_of):
    object.__setattr__(instances[1], "rationale", (1, 0, 0, 0, 1))
    known = known_of(model, batches())  # <SOS> un bear able from start <EOS> and padding
    assert rationale_of(known, 1).tolist() == [True, False, True]


def test_as_many_words_are_chosen_as_people_marked():
    rationale = np.array([True, True, False, False])
    scores = {"a": np.array([4.0, 1.0, 3.0, 2.0]), "b": np.array([2.0, 3.0, 1.0, 0.0])}
    orders = {"a": np.array([0, 2, 3, 1]), "b": np.array([1, 0, 2, 3])}
    found = agreement_with_people(scores, orders, rationale)
    assert found["b"] == dict.fromkeys(AGREEMENTS, 1.0)
    assert found["a"]["token_f1"] == 0.5
    assert found["a"]["iou_f1"] == pytest.approx(2 / 3)  # of "x.x." one span is half of "xx.."
    assert found["a"]["auprc"] == pytest.approx(0.5 + 0.5 * 2 / 4)
    lines = 0.5 * 1 + 0.5 * ((1 / 3 + 2 / 4) / 2)  # precision 1, 1, 1/2, 1/3, 2/4
    assert found["a"]["auprc_trapezoidal"] == pytest.approx(lines)


def test_the_order_decides_between_ties():
    rationale = np.array([True, False])
    scores = {"flat": np.array([1.0, 1.0])}
    for order, f1 in (([0, 1], 1.0), ([1, 0], 0.0)):
        found = agreement_with_people(scores, {"flat": np.array(order)}, rationale)["flat"]
        areas = {"auprc": 0.5, "auprc_trapezoidal": 0.75}
        assert found == {"token_f1": f1, "iou_f1": f1, **areas}


def test_instances_without_a_rationale_are_undefined():
    full = {"attention": {"token_f1": 0.5, "iou_f1": 0.25, "auprc": None}}
    columns = plausibility_columns([full, None], ("attention",))
    assert columns["plausibility.token_f1.attention"] == pytest.approx([0.5, np.nan], nan_ok=True)
    assert np.isnan(columns["plausibility.auprc.attention"]).all()
    assert plausibility_columns([None, None], ("attention",)) == {}
    means = Sample(2).means(columns, lambda _: (0.0, 1.0))
    table = plausibility_table(means, ("attention",))
    assert table.rows == [["attention", 0.5, None, None, 0.25, None, None]]
    assert table.title.startswith("Plausibility")
