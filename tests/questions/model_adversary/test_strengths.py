from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.questions.model_adversary.strengths import GRID, Point, next_strength


def points(*triples):
    return [Point(*triple) for triple in triples]


RISING = points((0.0, 0.1, 0.01), (0.001, 0.3, 0.02), (0.004, 0.5, 0.08), (0.016, 0.6, 0.2))


def test_between_the_two_that_bracket_the_bound():
    assert next_strength(RISING, 0.05) == 0.002  # the geometric mean of .001 and .004
    assert next_strength(RISING, 0.1) == 0.008
    assert next_strength(RISING[::-1], 0.1) == 0.008  # in whatever order


def test_half_where_only_the_imitators_lie_within():
    assert next_strength(RISING, 0.015) == 0.0005


def test_four_times_the_largest_where_all_lie_within():
    assert next_strength(RISING, 0.5) == 0.064


def test_four_times_the_largest_where_none_is_strong():
    weak = points((0.0, 0.1, 0.01), (0.001, 0.39, 0.2))
    assert next_strength(weak, 0.05) == 0.004
    assert next_strength(points((0.0, 0.1, 0.01), (0.001, 0.4, 0.2)), 0.05) == 0.0005


def test_nothing_where_even_imitators_lie_outside():
    assert next_strength(RISING, 0.005) is None


def test_nothing_without_an_adversary():
    assert next_strength(RISING[:1], 0.5) is None


def test_nothing_where_the_bracket_is_as_fine_as_names_go():
    close = points((0.0, 0.1, 0.01), (0.001, 0.5, 0.02), (0.00101, 0.5, 0.2))
    assert next_strength(close, 0.05) is None


def test_noise_does_not_hide_the_first_one_outside():
    noisy = points((0.0, 0.2, 0.03), (0.001, 0.5, 0.08), (0.004, 0.6, 0.02), (0.016, 0.6, 0.2))
    assert next_strength(noisy, 0.05) == 0.0005


@given(
    st.lists(st.tuples(st.floats(0, 0.69), st.floats(0, 1)), min_size=2, max_size=6),
    st.floats(0, 1),
)
def test_what_is_added_is_new_and_has_a_short_name(figures, bound):
    tried = [0.0, *GRID][: len(figures)]
    found = next_strength([Point(s, *f) for s, f in zip(tried, figures, strict=False)], bound)
    if found is not None:
        assert found not in tried
        assert found == float(f"{found:.2g}")
        assert found > 0


def test_the_grid_covers_the_authors():
    assert min(GRID) / 2 == 0.001
    assert list(GRID) == sorted(set(GRID))


@pytest.mark.parametrize("bound", [0.02, 0.08])
def test_the_bound_itself_lies_within(bound):
    found = next_strength(RISING, bound)
    assert found == {0.02: 0.002, 0.08: 0.008}[bound]
