from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures.limits import unseen
from attnaudit.measures.sample import Sample
from attnaudit.measures.two_level import Parts, figures, margin, two_level, variance_parts


def test_instances_that_agree_have_the_exact_t_interval_of_the_seeds():
    points = np.array([0.1, 0.2, 0.6])
    found = two_level(figures(np.tile(points[:, None], (1, 10)), Sample(10)))
    # mean .3, sd .2646, t(2) at .975 is 4.3027: .3 +- .6573
    assert found.value == pytest.approx(0.3)
    assert (found.ci_low, found.ci_high) == pytest.approx((-0.3573, 0.9573), abs=1e-4)


def test_seeds_that_agree_have_the_interval_of_the_instances():
    values = np.random.default_rng(0).normal(size=40)
    found = two_level(figures(np.tile(values, (4, 1)), Sample(40)))
    low, high = scipy.stats.t.interval(0.95, 39, values.mean(), values.std(ddof=1) / 40**0.5)
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high))
    assert found.n == 40


def mean_squares(values):
    """The parts of a two-way table: the mean squares of seeds and of instances over their number.

    Those of the instances are without the joint part, so that this is counted once.
    """
    seeds, n = values.shape
    grand, rows, columns = values.mean(), values.mean(1), values.mean(0)
    rest = values - rows[:, None] - columns + grand
    of_seeds = n * ((rows - grand) ** 2).sum() / (seeds - 1)
    of_instances = seeds * ((columns - grand) ** 2).sum() / (n - 1)
    joint = (rest**2).sum() / (seeds - 1) / (n - 1)
    return of_seeds / (seeds * n), (of_instances - joint) / (seeds * n)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(10, 40))
def test_the_parts_are_those_of_the_mean_squares(seed, seeds, n):
    generator = np.random.default_rng(seed)
    values = generator.normal(0, 1, (seeds, 1)) + generator.normal(0, 2, n)
    values = values + generator.normal(0, 1, (seeds, n))
    parts = variance_parts(figures(values, Sample(n)))
    between, shared = mean_squares(values)
    assert parts.between == pytest.approx(between)
    assert parts.shared == pytest.approx(max(shared, 0.0))
    assert parts.whole == pytest.approx(values.mean(0).var(ddof=1) / n)


def test_margins_add_up_like_the_sides_of_a_right_triangle():
    # Seeds .1, .2, .6: a margin of .6573 (above). Instances +-.1 for all: sd .1 sqrt(10 / 9).
    values = np.array([0.1, 0.2, 0.6])[:, None] + 0.1 * np.array([1, -1] * 5)
    found = two_level(figures(values, Sample(10)))
    of_instances = scipy.stats.t.ppf(0.975, 9) * 0.1 / 9**0.5
    assert found.ci_high - 0.3 == pytest.approx((0.65727**2 + of_instances**2) ** 0.5, abs=1e-4)
    assert 0.3 - found.ci_low == pytest.approx(found.ci_high - 0.3)


def test_a_margin_is_no_less_than_that_of_these_very_models():
    # Models that happen to agree, on 40 instances where their mean has a standard error of .02.
    agreeing = Parts(0.0, 0.0, 4e-4)
    assert margin(0.0, agreeing, 40, 0.025) == pytest.approx(scipy.stats.t.ppf(0.975, 39) * 0.02)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_for_normal_seeds_and_instances_no_side_is_wrong_more_often_than_promised(seeds, share):
    """Banerjee 1960: wherever the variance comes from, and however few seeds there are."""
    generator, draws, n = np.random.default_rng([seeds, int(10 * share)]), 3000, 60
    above = below = 0
    for _ in range(draws):
        own = generator.normal(0, (share * seeds) ** 0.5, (seeds, 1))
        values = own + generator.normal(0, ((1 - share) * n) ** 0.5, n)
        found = two_level(figures(values, Sample(n)))
        above, below = above + (found.ci_low > 0), below + (found.ci_high < 0)
    most = scipy.stats.binom.ppf(0.999, draws, 0.025)
    assert max(above, below) <= most


def test_noise_of_each_model_on_each_text_is_as_uncertain_as_the_seeds():
    """The spread of five figures has four degrees of freedom, wherever it comes from."""
    generator, missed = np.random.default_rng(2), 0
    for _ in range(1000):
        seeds = generator.normal(0, 0.042, (5, 1))
        mean = two_level(figures(seeds + generator.normal(0, 0.57, (5, 400)), Sample(400)))
        missed += not mean.ci_low < 0 < mean.ci_high
    assert missed < 66  # 50 are expected; degrees of freedom of the seeds' part alone miss 92


def test_joint_noise_is_counted_once():
    """Noise of each seed on each instance alone: the mean over both has a variance of 1 / (S n)."""
    generator = np.random.default_rng(1)
    parts = [
        variance_parts(figures(generator.normal(size=(10, 50)), Sample(50))) for _ in range(300)
    ]
    variances = [one.between + one.shared for one in parts]
    # Twice as much where it is counted at both levels; cut from below it is a little more.
    assert 1 / 500 < np.mean(variances) < 1.3 / 500


def test_an_interval_stays_in_the_range_and_leans_away_from_its_end():
    points = np.array([0.1, 0.9])
    wide = two_level(figures(np.tile(points[:, None], (1, 30)), Sample(30)))
    assert wide.ci_low < 0 < 1 < wide.ci_high
    cut = two_level(figures(np.tile(points[:, None], (1, 30)), Sample(30)), (0.0, 1.0))
    assert 0 <= cut.ci_low < 0.5 < cut.ci_high <= 1
    near = np.array([0.97, 0.98, 0.99])
    found = two_level(figures(np.tile(near[:, None], (1, 30)), Sample(30)), (0.0, 1.0))
    assert found.ci_high < 1
    assert 0.98 - found.ci_low > found.ci_high - 0.98


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_no_interval_leaves_the_range(data):
    seeds, n = data.draw(st.integers(2, 5)), data.draw(st.integers(2, 9))
    low, high = data.draw(st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (-0.693, 0.693), (0.0, None)]))
    one = st.floats(low, 3.0 if high is None else high)
    values = np.array(data.draw(st.lists(one, min_size=seeds * n, max_size=seeds * n)))
    reach = data.draw(st.sampled_from([None, 1.0, 40.0]))
    found = two_level(figures(values.reshape(seeds, n), Sample(n)), (low, high), reach)
    assert low <= found.ci_low <= found.value <= found.ci_high
    assert high is None or found.ci_high <= high


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 6), st.integers(0, 10**6), st.floats(-3, 3), st.floats(0.01, 10))
def test_shifting_and_scaling_carry_over(seeds, seed, shift, scale):
    values = np.random.default_rng(seed).normal(size=(seeds, 12))
    plain = two_level(figures(values, Sample(12)))
    moved = two_level(figures(shift + scale * values, Sample(12)))
    assert moved.ci_low == pytest.approx(shift + scale * plain.ci_low, abs=1e-9)
    assert moved.ci_high == pytest.approx(shift + scale * plain.ci_high, abs=1e-9)
    again = two_level(figures(values[::-1], Sample(12)))  # the order of the seeds does not matter
    assert again.ci_low == pytest.approx(plain.ci_low)


def test_what_all_seeds_get_right_is_not_certain():
    for value in (0.0, 1.0):
        found = two_level(figures(np.full((5, 240), value), Sample(240)), (0.0, 1.0))
        assert found.value == value
        assert abs(found.ci_high - found.ci_low) == pytest.approx(unseen(240))
        # Rounding of the kernels changes nothing.
        near = two_level(figures(np.full((5, 240), abs(value - 2e-8)), Sample(240)), (0.0, 1.0))
        assert near.ci_high - near.ci_low == pytest.approx(unseen(240), rel=1e-3)


def test_figures_that_never_differ_may_do_so_on_other_instances():
    found = two_level(figures(np.zeros((5, 240)), Sample(240)), (-1.0, 1.0), reach=1.0)
    assert (found.ci_low, found.ci_high) == pytest.approx((-unseen(240), unseen(240)))


def test_groups_count_as_one():
    generator = np.random.default_rng(3)
    groups = np.arange(200) // 10
    values = generator.normal(size=20)[groups] + generator.normal(0, 0.1, (5, 200))
    alone = two_level(figures(values, Sample(200)))
    grouped = two_level(figures(values, Sample(200, groups)))
    assert grouped.ci_high - grouped.ci_low > 2.5 * (alone.ci_high - alone.ci_low)


def test_one_seed_has_no_interval():
    found = two_level(figures(np.full((1, 20), 0.7), Sample(20)))
    assert (found.ci_low, found.ci_high) == (None, None)
    assert found.value == pytest.approx(0.7)
    assert "one seed" in found.reason


def test_one_group_has_no_interval():
    found = two_level(figures(np.ones((2, 4)), Sample(4, ["a"] * 4)))
    assert (found.value, found.ci_low) == (1.0, None)
    assert "only one text or group" in found.reason


def test_what_a_seed_leaves_undefined_is_undefined():
    values = np.array([[0.0, 0.0], [np.nan, np.nan]])
    found = two_level(figures(values, Sample(2)))
    assert (found.value, found.undefined) == (None, 2)
    assert found.reason


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"\(figures, 3\)"):
        figures(np.ones((2, 4)), Sample(3))
