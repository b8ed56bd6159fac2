from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.curve import area_below, tvd_at

POINTS = st.lists(
    st.tuples(st.floats(0, math.log(2)), st.floats(0, 1)), min_size=1, max_size=6, unique=True
)


def test_lines_through_origin_and_points_whatever_their_order():
    jsd, tvd = [0.6, 0.2], [0.5, 0.1]
    assert tvd_at(jsd, tvd, 0) == 0
    assert tvd_at(jsd, tvd, 0.1) == pytest.approx(0.05)
    assert tvd_at(jsd, tvd, 0.2) == pytest.approx(0.1)
    assert tvd_at(jsd, tvd, 0.4) == pytest.approx(0.3)
    assert tvd_at(jsd, tvd, 0.6) == pytest.approx(0.5)
    assert math.isnan(tvd_at(jsd, tvd, 0.61))


def test_area_of_triangle_and_trapezoid():
    jsd, tvd = [0.6, 0.2], [0.5, 0.1]
    assert area_below(jsd, tvd, 0.2) == pytest.approx(0.2 * 0.1 / 2)
    assert area_below(jsd, tvd, 0.4) == pytest.approx(0.01 + 0.2 * (0.1 + 0.3) / 2)
    assert math.isnan(area_below(jsd, tvd, 0.61))


def test_attention_that_moves_for_nothing_leaves_no_area():
    assert area_below([0.3, 0.5], [0.0, 0.0], 0.4) == 0


def test_points_beyond_the_end_count_only_through_the_line_to_them():
    assert area_below([0.8], [0.4], 0.4) == pytest.approx(0.4 * 0.2 / 2)


@given(POINTS, st.floats(0.01, 0.69))
def test_the_area_is_that_of_a_fine_grid(points, end):
    jsd, tvd = np.array(points).T
    area = area_below(jsd, tvd, end)
    if jsd.max() < end:
        assert math.isnan(area)
        return
    # A grid that holds every corner integrates straight lines exactly; ties make a step.
    corners = [x for x in jsd if x <= end]
    beside = [x + d for x in corners for d in (-1e-12, 1e-12)]
    grid = np.unique([*np.linspace(0, end, 50), *corners, *beside])
    grid = grid[(grid >= 0) & (grid <= end)]
    heights = [tvd_at(jsd, tvd, x) for x in grid]
    assert area == pytest.approx(float(np.trapezoid(heights, grid)), abs=1e-6)
    assert 0 <= area <= end


def test_points_must_pair():
    with pytest.raises(ValueError, match="points"):
        tvd_at([0.1, 0.2], [0.1], 0.1)
