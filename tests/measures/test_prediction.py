from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.prediction import upper_bound


def test_the_closed_form():
    # t with 4 degrees of freedom passes 2.131847 with a chance of .05; the deviation is sqrt(2.5).
    bound = 3 + 2.131847 * 2.5**0.5 * 1.2**0.5
    assert upper_bound([1, 2, 3, 4, 5], 0.95) == pytest.approx(bound, rel=1e-6)


def test_draws_that_are_all_alike_leave_no_room():
    assert upper_bound([0.3] * 6, 0.9) == pytest.approx(0.3)


@pytest.mark.parametrize("values", [[], [0.1]])
def test_one_draw_does_not_tell(values):
    with pytest.raises(ValueError, match=f"{len(values)} values do not show"):
        upper_bound(values, 0.9)


@pytest.mark.parametrize(
    "count", [5, pytest.param(8, marks=pytest.mark.whole), 20]
)  # 8 lies between
def test_a_further_normal_draw_lies_below_as_often_as_it_says(count):
    drawn = np.random.default_rng(count).normal(size=(20_000, count + 1))
    below = np.mean([row[-1] <= upper_bound(row[:-1], 1 - 0.2 / 3) for row in drawn])
    assert below == pytest.approx(1 - 0.2 / 3, abs=0.006)  # three deviations


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9), st.floats(0.5, 0.99))
def test_it_lies_at_the_mean_or_beyond(values, confidence):
    assert upper_bound(values, confidence) >= np.mean(values) - 1e-12
