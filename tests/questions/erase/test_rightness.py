"""Attention on marked words and right answers: the shares in the records, and the AUROC of them."""

from __future__ import annotations

import numpy as np
import pytest

from attnaudit.measures.bootstrap import DRAWS
from attnaudit.questions.basics import Basics
from attnaudit.questions.erase.rightness import NAME, marked_columns, rightness
from attnaudit.questions.people import on_marked

NAMES = [f"{NAME}.auroc.{name}" for name in ("attention", "uniform", "confidence")]


def made(right, attention, words, probability=None, groups=None):
    """What the records of such texts say; each is of class 0."""
    basics = Basics()
    for i, good in enumerate(right):
        p = 0.55 + (0.1 if probability is None else probability[i])
        record = {"id": str(i), "gold": 0, "words": 5, "outside": 0.0}
        record["probs"] = [p, 1 - p] if good else [1 - p, p]
        if groups is not None:
            record["group"] = groups[i]
        basics.add(record)
    return rightness(basics, np.array(attention, float), np.array(words, float))


def brute_force(right, values):
    """Over all pairs of a right and a wrong answer; half of a pair that ties."""
    values, right = np.asarray(values, float), np.asarray(right, bool)
    ours, theirs = values[right][:, None], values[~right]
    return float(((ours > theirs) + (ours == theirs) / 2).mean())


@pytest.fixture
def texts():
    """400 texts with ties, in which attention on marked words goes with right answers."""
    chance = np.random.default_rng(0)
    words = chance.integers(1, 5, 400) / 5
    attention = np.round(np.clip(words + chance.normal(0, 0.2, 400), 0, 1), 1)
    right = chance.random(400) < 0.5 + 0.4 * attention
    return right, attention, words, np.round(chance.random(400) * 0.4, 2)


def test_auroc_is_what_all_pairs_give_ties_one_half(texts):
    metrics, table = made(*texts)
    right, attention, words, probability = texts
    for name, values in zip(NAMES, (attention, words, probability), strict=True):
        assert metrics[name].value == pytest.approx(brute_force(right, values), abs=1e-12)
    assert [row[1] for row in table.rows] == [metrics[name].value for name in NAMES]
    assert table.rows[0][4] == pytest.approx(attention[right].mean())
    assert table.rows[0][5] == pytest.approx(attention[~right].mean())


def test_its_interval_is_about_that_of_a_bootstrap_over_texts(texts):
    metrics, _ = made(*texts)
    right, attention, *_ = texts
    chance = np.random.default_rng(1)
    drawn = chance.integers(0, 400, (DRAWS // 4, 400))
    points = [brute_force(right[d], attention[d]) for d in drawn[:150]]
    low, high = np.quantile(points, [0.025, 0.975])
    found = metrics[NAMES[0]]
    assert found.ci_low == pytest.approx(low, abs=0.02)
    assert found.ci_high == pytest.approx(high, abs=0.02)
    doubled = [np.concatenate([one, one]) for one in texts]
    groups = [f"g{i}" for i in range(400)] * 2
    again = made(*doubled, groups=groups)[0][NAMES[0]]  # texts of a group count once
    assert (again.ci_low, again.ci_high) == pytest.approx((found.ci_low, found.ci_high), abs=2e-3)


def test_attention_that_says_it_all_or_nothing():
    right = [True, True, False, True, False]
    metrics, _ = made(right, [0.9, 0.8, 0.1, 0.7, 0.2], [0.2] * 5)
    assert metrics[NAMES[0]].value == 1
    assert metrics[NAMES[1]].value == 0.5  # the same share of words everywhere
    turned, _ = made(right, [0.1, 0.2, 0.9, 0.3, 0.8], [0.2] * 5)
    assert turned[NAMES[0]].value == 0
    assert metrics[NAMES[0]].ci_low < 0.9  # five texts are few


def test_texts_without_marked_words_do_not_count():
    some, table = made([True, False, True, False], [0.5, 0.1, np.nan, np.nan], [0.2] * 4)
    assert some[NAMES[0]].n == 2
    assert some[NAMES[0]].value == 1
    assert table.notes[0].startswith("2 texts have marked words, and the answers to 1 of them are")


@pytest.mark.parametrize(("right", "said"), [(True, "right"), (False, "wrong")])
def test_answers_of_one_kind_leave_it_undefined(right, said):
    metrics, table = made([right] * 3, [0.5, 0.1, 0.2], [0.2] * 3)
    assert metrics[NAMES[0]].value is None
    assert metrics[NAMES[0]].reason == f"the answers to all texts with marked words are {said}"
    assert table.rows[0][1] is None


def test_records_say_how_much_lies_on_the_marked_words(summing, known_of):
    texts = [[(np.log(w), 1.0) for w in weights] for weights in ((1, 2, 1, 4), (1, 1, 1, 1))]
    model, batches = summing(texts)
    known = known_of(model, batches)
    marked = np.array([False, True, False, True])
    assert on_marked(known, 0, marked) == pytest.approx({"attention": 6 / 8, "words": 0.5})
    assert on_marked(known, 1, marked) == pytest.approx({"attention": 0.5, "words": 0.5})
    columns = marked_columns([{"marked": {"attention": 0.75, "words": 0.5}}, {}, {"marked": None}])
    assert columns["attention"] == pytest.approx([0.75, np.nan, np.nan], nan_ok=True)
    assert columns["words"] == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)
