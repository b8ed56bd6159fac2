from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attnaudit.measures.limits import (
    NORMAL,
    constant_ends,
    ends,
    median_ends,
    share_ends,
    unseen,
)


@pytest.mark.parametrize(("right", "n"), [(0, 240), (1, 30), (7, 10), (30, 30), (98, 100)])
def test_a_share_has_the_interval_of_clopper_and_pearson(right, n):
    there = scipy.stats.binomtest(right, n).proportion_ci(method="exact")
    assert share_ends(right, n) == pytest.approx((there.low, there.high))


def test_zero_of_240_allow_one_and_a_half_per_cent():
    assert unseen(240) == pytest.approx(share_ends(0, 240)[1]) == pytest.approx(0.01525, abs=1e-5)
    assert (1 - unseen(240)) ** 240 == pytest.approx(0.025)


@pytest.mark.parametrize(("right", "n"), [(1, 30), (7, 10), (98, 100)])
def test_for_a_share_the_ends_are_those_of_wilson(right, n):
    share = right / n
    there = scipy.stats.binomtest(right, n).proportion_ci(method="wilson")
    found = ends(share, NORMAL * math.sqrt(share * (1 - share) / n), (0.0, 1.0))
    assert found == pytest.approx((there.low, there.high))


def test_in_the_middle_of_a_wide_range_the_margin_is_the_same_on_both_sides():
    assert ends(3.0, 0.4, (-1e6, 1e6)) == pytest.approx((2.6, 3.4), rel=1e-4)
    assert ends(3.0, 0.4) == pytest.approx((2.6, 3.4))


@settings(deadline=None)
@given(st.floats(0.01, 0.99), st.floats(1e-3, 10))
def test_the_ends_solve_the_equation_that_defines_them(value, half):
    """The figure lies exactly a margin of their own away from both ends."""
    for bounds, factor in (
        ((0.0, 1.0), lambda m: m * (1 - m) / value / (1 - value)),
        ((0.0, None), lambda m: m / value),
    ):
        for end in ends(value, half, bounds):
            if end not in (0.0, 1.0):
                there = half**2 * factor(end)
                assert (value - end) ** 2 == pytest.approx(there, rel=1e-6, abs=1e-15)


def test_an_open_range_is_the_limit_of_a_wide_one():
    wide = ends(0.4, 0.2, (0.0, 1e7))
    assert ends(0.4, 0.2, (0.0, None)) == pytest.approx(wide, rel=1e-5)


@settings(deadline=None)
@example(0.9999999999999999, 0.0)
@given(st.floats(-1, 1), st.floats(0, 1e3))
def test_ends_hold_the_figure_and_stay_inside(value, half):
    low, high = ends(value, half, (-1.0, 1.0))
    assert -1 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1


def test_what_was_not_seen_may_lie_at_either_end():
    assert constant_ends(0.25, 100, (0.0, 1.0)) == pytest.approx(
        (0.25 - unseen(100) * 0.25, 0.25 + unseen(100) * 0.75)
    )
    assert constant_ends(1.0, 100, (0.0, 1.0), reach=20) == pytest.approx((1 - unseen(100), 1))
    assert constant_ends(0.0, 100, (-1.0, 1.0), reach=0.5) == pytest.approx(
        (-unseen(100) / 2, unseen(100) / 2)
    )
    assert constant_ends(2.0, 100, (0.0, None)) == pytest.approx((2 - 2 * unseen(100), 2))


@pytest.mark.parametrize("n", [6, 10, 11, 30, 101])
def test_a_median_has_the_order_statistics_that_cover_it(n):
    values = np.random.default_rng(n).permutation(n).astype(float)
    low, high = median_ends(values, n)
    place = int(low)
    assert high == n - 1 - place
    assert 2 * scipy.stats.binom.cdf(place, n, 0.5) <= 0.05
    assert 2 * scipy.stats.binom.cdf(place + 1, n, 0.5) > 0.05


def test_five_values_do_not_tell_where_the_median_is():
    assert median_ends(np.arange(5.0) / 10, 5, (0.0, 1.0)) == (0.0, 1.0)
    assert median_ends(np.arange(5.0), 5) == (0.0, 4.0)


def test_fewer_effective_draws_widen_a_median():
    values = np.arange(200.0)
    alone, grouped = median_ends(values, 200), median_ends(values, 20)
    assert grouped[0] < alone[0] < alone[1] < grouped[1]
