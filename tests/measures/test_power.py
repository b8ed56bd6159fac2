from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures.power import (
    ENOUGH,
    Components,
    both_needed,
    chance,
    components,
    plausible,
    seeds_needed,
    texts_needed,
)
from attnaudit.measures.sample import Sample
from attnaudit.measures.two_level import Figures, figures, two_level

DELTA = 0.01


def drawn(generator, seed, text, joint, seeds, n, effect=0.0):
    """(seeds, n) values of a table with two random factors."""
    return (
        effect
        + generator.normal(0, seed**0.5, (seeds, 1))
        + generator.normal(0, text**0.5, n)
        + generator.normal(0, joint**0.5, (seeds, n))
    )


@pytest.mark.parametrize(("seed", "text", "joint"), [(0.04, 1.0, 0.5), (0.5, 4.0, 2.0)])
def test_components_are_unbiased(seed, text, joint):
    generator = np.random.default_rng(1)
    found = [
        components(figures(drawn(generator, seed, text, joint, 6, 60), Sample(60)))
        for _ in range(600)
    ]
    assert np.mean([one.seed for one in found]) == pytest.approx(seed, rel=0.1)
    assert np.mean([one.text for one in found]) == pytest.approx(text, rel=0.05)
    assert np.mean([one.joint for one in found]) == pytest.approx(joint, rel=0.05)


def test_components_in_closed_form():
    # Two seeds .1 apart; texts move each by .03 (squared .0009 at n = 4), and both alike by .0004.
    covariance = np.array([[0.0009, 0.0004], [0.0004, 0.0009]])
    found = components(Figures(np.array([0.2, 0.3]), covariance, 4, 4))
    assert found.text == pytest.approx(4 * 0.0004)
    assert found.joint == pytest.approx(4 * 0.0005)
    assert found.seed == pytest.approx(0.1**2 / 2 - 0.0005)
    assert found.variance(2, 4) == pytest.approx(0.005 / 2 + 0.0004)
    assert sum(found.shares(2, 4)) == pytest.approx(1)


def test_no_component_is_below_nothing():
    covariance = np.array([[0.0004, -0.0002], [-0.0002, 0.0004]])
    found = components(Figures(np.array([0.2, 0.2]), covariance, 9, 9))
    assert (found.seed, found.text) == (0, 0)
    assert Components(0, 0, 0, 5, 9, 9).shares(5, 9) == (0, 0, 0)


def test_components_need_two_seeds_two_texts_and_figures():
    some = np.full((2, 2), 0.1)
    assert components(Figures(np.array([0.2]), np.array([[0.1]]), 9, 9)) is None
    assert components(Figures(np.array([0.2, np.nan]), some, 9, 9)) is None
    assert components(Figures(np.array([0.2, 0.1]), np.full((2, 2), np.nan), 9, 1)) is None
    with pytest.raises(ValueError, match="an interval needs 2 models, not 1"):
        chance(Components(1, 1, 1, 5, 9, 9), 1, 9, 0, 0)


def test_a_normal_mean_has_the_power_of_the_t_test():
    # Of seeds alone: 10 of them, an effect of one standard deviation; Cohen's tables give .80.
    assert chance(Components(1, 0, 0, 10, 50, 50), 10, 50, 1, 0) == pytest.approx(0.803, abs=0.01)
    assert chance(Components(1, 0, 0, 10, 50, 50), math.inf, 50, 1, 0) == 1
    assert chance(Components(0, 0, 0, 10, 50, 50), 10, 50, 1, 0) == 1
    assert chance(Components(0, 0, 0, 10, 50, 50), 10, 50, 0, 0) == 0


def test_an_interval_that_holds_the_truth_more_often_decides_less_often():
    usual = Components(1, 0, 0, 10, 50, 50)
    strict = dataclasses.replace(usual, level=0.99)
    assert chance(strict, 10, 50, 0, 0) == pytest.approx(0.01, abs=0.003)
    assert chance(strict, 10, 50, 1, 0) == pytest.approx(0.504, abs=0.01)  # noncentral t
    assert seeds_needed(strict, 50, 1, 0) > seeds_needed(usual, 50, 1, 0)


def test_an_interval_that_was_made_wider_decides_less_often():
    # Of seeds alone: P(|t| > 1.4 * 2.262) with 9 degrees of freedom.
    wider = Components(1, 0, 0, 10, 50, 50, stretch=1.4)
    assert chance(wider, 10, 50, 0, 0) == pytest.approx(0.0114, abs=0.002)


def test_texts_of_another_kind_may_have_been_missed():
    # Nothing varies, and yet of 100 texts none of a kind as common as 3.6 % may have been met.
    parts = Components(0, 0, 0, 5, 100, 100, reach=1.0)
    assert chance(parts, 5, 100, 0.0, 0.01) == 0
    assert chance(parts, 5, 400, 0.0, 0.01) == 1
    assert texts_needed(parts, 5, 0.0, 0.01) == 368


parts = st.builds(
    Components,
    st.floats(1e-6, 1e-2),
    st.floats(1e-4, 1.0),
    st.floats(0, 0.5),
    st.just(5),
    st.just(200),
    st.just(200),
)
effects = st.floats(-0.1, 0.1)


@settings(deadline=None, max_examples=60)
@given(parts, effects, st.integers(5, 40), st.integers(50, 2000))
def test_more_seeds_or_texts_never_lower_the_chance(parts, effect, seeds, n):
    # But for a hair near delta: the interval is widest, for what it has to hold, where seeds and
    # texts count alike. In 3,000 random draws that cost at most .0022.
    now = chance(parts, seeds, n, effect, DELTA)
    assert 0 <= now <= 1
    assert chance(parts, 2 * seeds, n, effect, DELTA) >= now - 0.01
    assert chance(parts, seeds, 4 * n, effect, DELTA) >= now - 0.01


@settings(deadline=None, max_examples=60)
@given(parts, st.integers(5, 40), st.floats(0, 0.05), st.floats(1.1, 4))
def test_a_larger_effect_is_seen_more_often(parts, seeds, effect, times):
    for sign in (1, -1):
        small, large = (
            chance(parts, seeds, 200, DELTA + sign * step, DELTA)
            for step in (effect, times * effect)
        )
        assert large >= small - 1e-9


@settings(deadline=None, max_examples=30)
@given(parts, effects, st.integers(5, 20), st.integers(100, 1000))
def test_the_sizes_that_are_needed_are_the_least(parts, effect, seeds, n):
    more = seeds_needed(parts, n, effect, DELTA, 5)
    if more is not None:
        assert chance(parts, more, n, effect, DELTA) >= ENOUGH
        assert more == 5 or chance(parts, more - 1, n, effect, DELTA) < ENOUGH
    else:
        assert chance(parts, math.inf, n, effect, DELTA) < ENOUGH + 1e-3
    texts = texts_needed(parts, seeds, effect, DELTA)
    if texts is not None:
        assert chance(parts, seeds, texts, effect, DELTA) >= ENOUGH
    else:
        assert chance(parts, seeds, math.inf, effect, DELTA) < ENOUGH + 1e-3
    both = both_needed(parts, effect, DELTA)
    if both is not None:
        assert chance(parts, *both, effect, DELTA) >= ENOUGH


def test_where_seeds_decide_more_texts_change_nothing():
    """Seeds of a sentiment model differ in score by .021 (sd), on 1,726 texts."""

    def half(seeds, n=1726):
        """What the interval reaches to either side."""
        points = np.resize([1.0, -1.0], seeds)
        points = 0.021 * (points - points.mean()) / points.std(ddof=1)
        shared = np.full((seeds, seeds), 0.0052 / n)
        found = two_level(Figures(points, shared, n, n))
        return (found.ci_high - found.ci_low) / 2

    assert half(5) == pytest.approx(0.027, abs=0.0015)
    assert half(10) == pytest.approx(0.0155, abs=0.001)
    assert half(22) == pytest.approx(0.010, abs=0.0005)
    assert half(5, 17_260) > 0.95 * half(5)
    parts = Components(0.021**2, 0.0052, 0.0, 5, 1726, 1726)
    # An effect just as far from delta as the interval reaches shows half of the time.
    assert chance(parts, 22, 1726, DELTA + half(22), DELTA) == pytest.approx(0.5, abs=0.03)
    for effect in (0.0, 2 * DELTA):
        assert chance(parts, 5, 1726, effect, DELTA) < 0.2
        assert chance(parts, 5, 17_260, effect, DELTA) < 0.2
        assert texts_needed(parts, 5, effect, DELTA) is None
        assert 35 <= seeds_needed(parts, 1726, effect, DELTA, 5) <= 50


def test_where_texts_decide_more_seeds_change_nothing():
    parts = Components(0.001**2, 0.2, 0.0, 5, 300, 300)
    assert seeds_needed(parts, 300, 0.05, DELTA, 5) is None
    assert texts_needed(parts, 5, 0.05, DELTA) == pytest.approx(0.2 * (2.8 / 0.04) ** 2, rel=0.05)


def test_an_effect_of_delta_itself_is_never_settled():
    parts = Components(0.02**2, 0.1, 0.1, 5, 300, 300)
    assert seeds_needed(parts, 300, DELTA, DELTA, 5) is None
    assert texts_needed(parts, 5, DELTA, DELTA) is None
    assert both_needed(parts, DELTA, DELTA) is None
    assert chance(parts, 1000, 10**6, DELTA, DELTA) == pytest.approx(0.05, abs=0.01)


def test_a_size_that_takes_more_of_both():
    parts = Components(0.01**2, 0.1, 0.0, 5, 1000, 1000)
    effect = DELTA + 0.01
    assert seeds_needed(parts, 1000, effect, DELTA, 5) is None
    assert texts_needed(parts, 5, effect, DELTA) is None
    seeds, n = both_needed(parts, effect, DELTA)
    assert (seeds % 5, n % 1000) == (0, 0)
    assert chance(parts, seeds - 5, n - 1000, effect, DELTA) < ENOUGH


def test_the_interval_of_the_variance_holds_it_four_times_in_five():
    generator, held = np.random.default_rng(9), 0
    for _ in range(1000):
        values = drawn(generator, 0.04, 0.5, 0.2, 4, 40)
        low, high = plausible(components(figures(values, Sample(40))))
        held += low.seed <= 0.04 <= high.seed
        assert low.text < high.text
    assert held / 1000 == pytest.approx(0.8, abs=0.04)


def test_the_interval_of_the_texts_holds_their_part_four_times_in_five():
    generator, held = np.random.default_rng(4), 0
    for _ in range(600):
        values = drawn(generator, 0.0, 0.5, 0.0, 4, 40)
        low, high = plausible(components(figures(values, Sample(40))))
        held += low.text <= 0.5 <= high.text
    assert held / 600 == pytest.approx(0.8, abs=0.05)


def test_groups_of_texts_grow_with_the_texts():
    alone = Components(0.0, 0.2, 0.0, 5, 300, 300)
    grouped = Components(0.0, 0.2, 0.0, 5, 300, 6)
    assert chance(grouped, 5, 300, 0.1, DELTA) < chance(alone, 5, 300, 0.1, DELTA) - 0.05
