from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.scores import accuracy, auroc, f1, majority_accuracy


def binary(*positive: float) -> np.ndarray:
    return np.stack([1 - np.array(positive), positive], 1)


def test_accuracy():
    assert accuracy([1, 0, 1, 1], binary(0.9, 0.2, 0.4, 0.6)) == 0.75
    assert accuracy([2, 0], np.array([[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])) == 0.5


def test_even_odds_are_the_lower_class():
    assert accuracy([0], binary(0.5)) == 1.0


def test_binary_f1_is_of_the_positive_class():
    # tp 2, fp 1, fn 1
    assert f1([1, 1, 1, 0, 0], binary(0.9, 0.8, 0.1, 0.7, 0.2)) == pytest.approx(4 / 6)
    assert f1([0, 0, 1], binary(0.1, 0.2, 0.3)) == 0.0


def test_macro_f1_is_the_mean_over_classes_met():
    probs = np.eye(4)[[0, 0, 1, 2]]
    # class 0: tp 1, fp 1; class 1: tp 1, fn 1; class 2: tp 1; class 3 nowhere
    assert f1([0, 1, 1, 2], probs) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_f1_of_the_positive_class_is_undefined_where_it_is_neither_gold_nor_predicted():
    assert f1([0, 0], binary(0.1, 0.2)) is None
    assert f1([0, 0], binary(0.1, 0.9)) == 0.0


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=1, max_size=30))
def test_auroc_counts_ordered_pairs(rows):
    gold = np.array([g for g, _ in rows])
    score = np.array([s / 4 for _, s in rows])
    area = auroc(gold, binary(*score))
    pairs = [(x > y) + (x == y) / 2 for x in score[gold == 1] for y in score[gold == 0]]
    if pairs:
        assert area == pytest.approx(np.mean(pairs))
        assert auroc(1 - gold, binary(*score)) == pytest.approx(1 - area)
    else:
        assert area is None


def test_auroc_bounds_and_constant():
    assert auroc([0, 0, 1], binary(0.1, 0.2, 0.3)) == 1.0
    assert auroc([1, 1, 0], binary(0.1, 0.2, 0.3)) == 0.0
    assert auroc([1, 0, 0, 1], binary(0.4, 0.4, 0.4, 0.4)) == 0.5


def test_auroc_needs_two_classes():
    assert auroc([0, 1, 2], np.eye(3)) is None


def test_majority_accuracy():
    assert majority_accuracy([0, 2, 2, 1]) == 0.5
    assert majority_accuracy([3]) == 1.0


def test_no_instances_give_none():
    empty = np.zeros((0, 2))
    assert accuracy([], empty) is None
    assert f1([], empty) is None
    assert auroc([], empty) is None
    assert majority_accuracy([]) is None


@pytest.mark.parametrize("score", [accuracy, f1, auroc])
def test_shapes_must_agree(score):
    with pytest.raises(ValueError, match=r"\(3,\) and \(2, 2\)"):
        score([0, 1, 1], binary(0.1, 0.2))
    with pytest.raises(ValueError, match=r"\(2,\) and \(2,\)"):
        score([0, 1], [0.1, 0.2])
