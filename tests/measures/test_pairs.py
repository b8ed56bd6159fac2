from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures.limits import unseen
from attnaudit.measures.pairs import of_pairs
from attnaudit.measures.sample import Sample
from attnaudit.measures.two_level import variance_parts

RANGE = (0.0, 2.0)


def distances(places):
    """(P, n) the squares of the distances of models at places (M, n)."""
    return np.stack([(one - other) ** 2 for one, other in combinations(places, 2)])


def test_the_figure_is_the_ratio_of_the_sums():
    observed = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    chance = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 3.0]])
    found = of_pairs(observed, chance, 3, Sample(2), RANGE).estimate
    assert found.value == pytest.approx(2 / 10)
    assert found.n == 2
    assert 0 <= found.ci_low < 0.2 < found.ci_high <= 2


def test_models_that_never_differ_are_not_certain():
    found = of_pairs(np.zeros((15, 300)), 1.0, 6, Sample(300), RANGE).estimate
    assert (found.value, found.ci_low) == (0, 0)
    assert found.ci_high == pytest.approx(2 * unseen(300))


def test_pairs_that_all_differ_alike_still_have_a_width():
    found = of_pairs(np.full((15, 300), 0.5), 1.0, 6, Sample(300), RANGE).estimate
    assert found.ci_low < 0.5 < found.ci_high


def test_two_kinds_of_models_have_a_width_at_an_even_split():
    """The jackknife alone has none: it leaves out any one of six with the same effect."""
    places = np.repeat([[0.0], [1.0]], 3, axis=0) * np.ones((1, 500))
    found = of_pairs(distances(places), 1.0, 6, Sample(500), RANGE).estimate
    assert found.value == pytest.approx(9 / 15)
    assert found.ci_high - found.ci_low > 0.3


def test_too_few_models_or_texts_have_no_interval():
    two = of_pairs(np.ones((1, 5)), 2.0, 2, Sample(5), RANGE)
    assert (two.estimate.value, two.estimate.ci_low, two.parts) == (0.5, None, None)
    assert "two models" in two.estimate.reason
    text = of_pairs(np.ones((3, 1)), 2.0, 3, Sample(1), RANGE)
    assert (text.estimate.value, text.estimate.ci_low) == (0.5, None)
    assert "only one text" in text.estimate.reason
    group = of_pairs(np.ones((3, 2)), 2.0, 3, Sample(2, [0, 0]), RANGE)
    assert "only one group" in group.estimate.reason


def test_shapes_are_checked():
    for observed, models in ((np.ones((3, 4)), 4), (np.ones((3, 5)), 3), (np.ones((0, 4)), 1)):
        with pytest.raises(ValueError, match="give no"):
            of_pairs(observed, 1.0, models, Sample(4), RANGE)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(3, 7), st.integers(2, 30))
def test_intervals_hold_the_figure_stay_in_the_range_and_need_no_order(seed, models, n):
    generator = np.random.default_rng(seed)
    places = generator.normal(size=(models, n)) * generator.random() + generator.normal(
        size=(models, 1)
    )
    chance = generator.random(n) + 0.1
    observed = np.minimum(distances(places), 2 * chance)
    found = of_pairs(observed, chance, models, Sample(n), RANGE)
    one = found.estimate
    assert 0 <= one.ci_low <= one.value <= one.ci_high <= 2
    assert one.ci_low < one.ci_high
    order = generator.permutation(models)
    moved = np.minimum(distances(places[order]), 2 * chance)
    other = of_pairs(moved, chance, models, Sample(n), RANGE).estimate
    assert (other.value, other.ci_low, other.ci_high) == pytest.approx(
        (one.value, one.ci_low, one.ci_high)
    )
    turned = found.turned((-1.0, 1.0))
    assert turned.estimate.value == pytest.approx(1 - one.value)
    assert turned.estimate.ci_low == pytest.approx(1 - one.ci_high)
    assert turned.parts.points.mean() == pytest.approx(turned.estimate.value)


def test_pseudo_values_are_those_of_the_jackknife():
    """Of a plain mean over pairs they are exactly M times it, less M - 1 times that without one."""
    models, n = 5, 12
    observed = np.random.default_rng(0).random((10, n))
    found = of_pairs(observed, 1.0, models, Sample(n), (0.0, 1.0))
    pairs = list(combinations(range(models), 2))
    for model, point in enumerate(found.parts.points):
        left = [row for row, pair in zip(observed, pairs, strict=True) if model not in pair]
        expected = models * observed.mean() - (models - 1) * np.mean(left)
        assert point == pytest.approx(expected)
    assert variance_parts(found.parts).between > 0


def test_what_differs_between_texts_widens_the_interval():
    generator = np.random.default_rng(1)
    steady = np.full((15, 50), 0.3) + 0.01 * generator.random((15, 50))
    varied = steady * np.where(np.arange(50) % 2, 0.2, 1.8)
    narrow, wide = (
        of_pairs(observed, 1.0, 6, Sample(50), RANGE).estimate for observed in (steady, varied)
    )
    # The texts' standard error is .8 * .3 / sqrt(50), and Student's t about 2.
    assert wide.ci_high - wide.value == pytest.approx(2.01 * 0.8 * 0.3 / 49**0.5, rel=0.15)
    assert narrow.ci_high - narrow.ci_low < 0.5 * (wide.ci_high - wide.ci_low)


def test_a_higher_level_is_wider():
    observed = distances(np.random.default_rng(2).normal(size=(6, 40)))
    usual, strict = (
        of_pairs(observed, 3.0, 6, Sample(40), RANGE, level=level).estimate
        for level in (0.95, 0.99)
    )
    assert strict.ci_low < usual.ci_low < usual.ci_high < strict.ci_high
