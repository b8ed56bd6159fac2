from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.rationales import average_precision, iou_f1, token_f1, trapezoidal_auprc

masks = st.lists(st.booleans(), min_size=1, max_size=14)


def text(mask):
    """'.xx.x' as a mask."""
    return [character == "x" for character in mask]


@pytest.mark.parametrize(
    ("chosen", "rationale", "f1"),
    [
        ("xx..", "xx..", 1),
        ("..xx", "xx..", 0),
        ("x...", "xx..", 2 / 3),
        ("xxxx", "xx..", 2 / 3),
        (".xx.", "xx..", 1 / 2),
    ],
)
def test_token_f1(chosen, rationale, f1):
    assert token_f1(text(chosen), text(rationale)) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("chosen", "rationale", "f1"),
    [
        ("xx..xx", "xx..xx", 1),
        ("x...xx", "xx..xx", 1),  # one half is enough
        ("x...xx", "xxx.xx", 1 / 2),  # one third is not
        ("xxxx..", "xx....", 1),
        ("xxxxx.", "xx....", 0),
        ("x.x.x.", ".x.x.x", 0),
        ("x.x...", "x.....", 2 / 3),  # precision 1/2, recall 1
        ("......", "x.....", 0),
        ("xxxxxx", "xxxxxx", 1),
    ],
)
def test_iou_f1(chosen, rationale, f1):
    assert iou_f1(text(chosen), text(rationale)) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("scores", "rationale", "area"),
    [
        ([4, 3, 2, 1], "xx..", 1),
        ([4, 3, 2, 1], "..xx", 0.5 * 1 / 3 + 0.5 * 2 / 4),
        ([4, 3, 2, 1], "x.x.", 0.5 * 1 + 0.5 * 2 / 3),
        ([1, 1, 1, 1], "x...", 1 / 4),
        ([2, 2, 1, 1], "x.x.", 0.5 * 1 / 2 + 0.5 * 2 / 4),
    ],
)
def test_average_precision(scores, rationale, area):
    assert average_precision(scores, text(rationale)) == pytest.approx(area)
    shuffled = np.random.default_rng(0).permutation(4)
    moved = np.array(scores)[shuffled], np.array(text(rationale))[shuffled]
    assert average_precision(*moved) == pytest.approx(area)


def points_of(scores, rationale):
    """Precision and recall of the words of at least each score: counted one by one."""
    points = []
    for threshold in sorted(set(scores), reverse=True):
        taken = [mark for score, mark in zip(scores, rationale, strict=True) if score >= threshold]
        points.append((sum(taken) / len(taken), sum(taken) / sum(rationale)))
    return points


@given(st.data(), masks.filter(any))
def test_both_areas_are_those_of_the_counted_curve(data, rationale):
    n = len(rationale)
    scores = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5]), min_size=n, max_size=n))
    steps = trapezes = 0.0
    before = (1.0, 0.0)
    for precision, recall in points_of(scores, rationale):
        steps += (recall - before[1]) * precision
        trapezes += (recall - before[1]) * (precision + before[0]) / 2
        before = (precision, recall)
    assert average_precision(scores, rationale) == pytest.approx(steps)
    assert trapezoidal_auprc(scores, rationale) == pytest.approx(trapezes)
    assert 0 <= trapezoidal_auprc(scores, rationale) <= 1 + 1e-12


def test_straight_lines_flatter():
    flat, marked = [1.0] * 4, [True, False, False, False]
    assert average_precision(flat, marked) == 1 / 4
    assert trapezoidal_auprc(flat, marked) == (1 + 1 / 4) / 2


def test_both_are_what_scikit_learn_computes():
    metrics = pytest.importorskip("sklearn.metrics")
    chance = np.random.default_rng(0)
    for _ in range(50):
        marked = chance.random(12) < 0.4
        marked[0] = True
        scores = chance.integers(0, 6, 12).astype(float)
        precision, recall, _ = metrics.precision_recall_curve(marked, scores)
        area = metrics.auc(recall, precision)
        assert trapezoidal_auprc(scores, marked) == pytest.approx(area)
        found = metrics.average_precision_score(marked, scores)
        assert average_precision(scores, marked) == pytest.approx(found)


def test_a_score_that_is_no_number_has_no_area():
    assert np.isnan(average_precision([1, np.nan], [True, False]))
    assert np.isnan(trapezoidal_auprc([1, np.nan], [True, False]))


@pytest.mark.parametrize("measure", [token_f1, iou_f1, average_precision, trapezoidal_auprc])
def test_an_empty_rationale_is_refused(measure):
    with pytest.raises(ValueError, match="without a marked word"):
        measure([1, 0], [False, False])


@given(st.data(), masks.filter(any))
def test_agreement_lies_between_none_and_full(data, rationale):
    chosen = data.draw(st.lists(st.booleans(), min_size=len(rationale), max_size=len(rationale)))
    f1 = token_f1(chosen, rationale)
    assert 0 <= f1 <= 1
    assert (f1 == 1) == (chosen == rationale)
    spans = iou_f1(chosen, rationale)
    assert 0 <= spans <= 1
    assert iou_f1(rationale, rationale) == 1
    if any(chosen):
        assert iou_f1(rationale, chosen) == pytest.approx(spans)
    assert average_precision(rationale, rationale) == 1
    assert 0 < average_precision(chosen, rationale) <= 1
