from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.order import descending


def order(scores, seed=0):
    return descending(scores, np.random.default_rng(seed)).tolist()


def test_the_largest_comes_first_and_nan_last():
    assert order([0.1, np.nan, 3, -np.inf, 2, np.inf]) == [5, 2, 4, 0, 3, 1]
    assert order([]) == []


def test_ties_are_broken_at_random_never_by_position():
    first = [order([1, 1, 1, 0], seed)[0] for seed in range(600)]
    counts = np.bincount(first, minlength=4)
    assert counts[3] == 0
    assert counts[:3].min() > 150  # 200 expected, standard deviation 11.5
    assert order([1, 1, 1, 0], 3) == order([1, 1, 1, 0], 3)


@given(st.lists(st.integers(-3, 3), max_size=12), st.integers(0, 5))
def test_every_place_stands_once_and_scores_fall(scores, seed):
    places = order(scores, seed)
    assert sorted(places) == list(range(len(scores)))
    ranked = [scores[i] for i in places]
    assert ranked == sorted(scores, reverse=True)
