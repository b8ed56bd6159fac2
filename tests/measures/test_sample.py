from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures.columns import Lazy, Names
from attnaudit.measures.limits import unseen
from attnaudit.measures.sample import Linear, Sample
from attnaudit.measures.summary import Estimate

UNIT, SIGNED = (0.0, 1.0), (-1.0, 1.0)


def width(found: Estimate) -> float:
    return found.ci_high - found.ci_low


@pytest.mark.parametrize(("right", "n"), [(0, 240), (30, 30), (1, 20), (19, 20), (150, 300)])
def test_a_share_has_the_interval_of_clopper_and_pearson(right, n):
    found = Sample(n).mean(np.arange(n) < right, UNIT)
    there = scipy.stats.binomtest(right, n).proportion_ci(method="exact")
    assert found.value == pytest.approx(right / n)
    assert (found.ci_low, found.ci_high) == pytest.approx((there.low, there.high))


def test_a_mean_that_lies_far_from_both_ends_has_the_interval_of_t():
    values = np.random.default_rng(0).normal(0.5, 1e-3, 40)
    found = Sample(40).mean(values, UNIT)
    there = scipy.stats.t.interval(0.95, 39, values.mean(), values.std(ddof=1) / 40**0.5)
    assert (found.ci_low, found.ci_high) == pytest.approx(there, rel=1e-5)


def test_a_small_mean_has_a_longer_way_up():
    values = np.random.default_rng(1).beta(0.2, 6, 60)
    found = Sample(60).mean(values, UNIT)
    assert found.ci_low > 0
    assert found.ci_high - found.value > 1.3 * (found.value - found.ci_low)


def test_values_all_at_one_end_are_a_share_give_or_take_rounding():
    for bounds in (UNIT, (0.0, 0.693147181), SIGNED):
        for end in bounds:
            for off in (0.0, 2e-8):
                found = Sample(240).mean(np.full(240, end - np.sign(end) * off), bounds)
                wide = unseen(240) * (bounds[1] - bounds[0])
                assert width(found) == pytest.approx(wide, rel=1e-3)


@pytest.mark.parametrize("missed", [0.0, 2**-53, 1e-12])
def test_a_perfect_score_has_a_width_however_its_sums_are_rounded(missed):
    found = Sample(100).score(Linear(np.full(100, 1 - missed), 100.0), (0.0, 1.0))
    assert found.ci_low == pytest.approx(0.025**0.01, abs=1e-9)  # unseen: share^100 = .025
    assert found.ci_high == pytest.approx(1.0, abs=1e-9)


def test_shares_that_never_differ_may_do_so():
    found = Sample(240).mean(np.zeros(240), SIGNED)
    assert (found.ci_low, found.ci_high) == pytest.approx((-unseen(240), unseen(240)))


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_no_interval_leaves_the_range_and_all_hold_the_figure(data):
    n = data.draw(st.integers(2, 12))
    low, high = data.draw(st.sampled_from([UNIT, SIGNED, (0.0, 0.7), (0.0, None), (None, None)]))
    one = st.floats(-3.0 if low is None else low, 3.0 if high is None else high)
    one = one | st.sampled_from([low or 0.0, high or 0.0])
    values = np.array(data.draw(st.lists(one, min_size=n, max_size=n)))
    groups = data.draw(st.none() | st.lists(st.integers(0, 3), min_size=n, max_size=n))
    sample = Sample(n, groups)
    for found in (sample.mean(values, (low, high)), sample.median(values, (low, high))):
        if sample.units < 2:
            assert found.ci_low is None
            continue
        assert found.ci_low <= found.value <= found.ci_high
        # The mean of equal numbers may miss them by rounding, which reports take off.
        assert low is None or found.ci_low >= low - 1e-12
        assert high is None or found.ci_high <= high + 1e-12


def test_the_standard_error_of_groups_is_that_of_their_sums():
    generator = np.random.default_rng(2)
    groups = generator.integers(0, 20, 300)
    values = generator.normal(size=20)[groups] + generator.normal(size=300)
    found = Sample(300, groups).covariance(values[None])[0, 0]
    counts = generator.multinomial(20, np.full(20, 1 / 20), size=20_000)  # by resampling groups
    sums, sizes = (np.bincount(groups, w, 20) for w in (values, np.ones(300)))
    assert found**0.5 == pytest.approx(np.std((counts @ sums) / (counts @ sizes)), rel=0.05)


def test_a_share_of_groups_rests_on_fewer_texts():
    generator = np.random.default_rng(3)
    right = (generator.random(40) < 0.9).repeat(10)  # texts of a group are right or wrong together
    grouped = Sample(400, np.arange(400) // 10).mean(right, UNIT)
    assert width(grouped) > 2.5 * width(Sample(400).mean(right, UNIT))
    low, high = scipy.stats.binomtest(int(right.sum() / 10), 40).proportion_ci(method="exact")
    assert (grouped.ci_low, grouped.ci_high) == pytest.approx((low, high), abs=0.02)
    independent = Sample(400, np.arange(400) // 10).mean(generator.random(400) < 0.9, UNIT)
    assert width(independent) < 1.5 * width(Sample(400).mean(generator.random(400) < 0.9, UNIT))


def test_where_all_of_all_groups_are_right_groups_are_what_was_seen():
    found = Sample(400, np.arange(400) // 10).mean(np.ones(400), UNIT)
    assert found.ci_low == pytest.approx(1 - unseen(40))


def test_a_median_of_groups_is_wider():
    generator = np.random.default_rng(4)
    values = generator.normal(size=40).repeat(10)
    alone = Sample(400).median(values)
    grouped = Sample(400, np.arange(400) // 10).median(values)
    assert alone.value == grouped.value == np.median(values)
    assert width(grouped) > 2 * width(alone)


def test_undefined_values_are_left_out_and_counted():
    values = np.array([1.0, 3.0, np.nan, 2.0])
    found = Sample(4).mean(values)
    assert (found.value, found.n, found.undefined) == (2.0, 3, 1)
    assert (found.ci_low, found.ci_high) == (
        Sample(3).mean(values[[0, 1, 3]]).ci_low,
        Sample(3).mean(values[[0, 1, 3]]).ci_high,
    )
    groups = np.array([0, 1, 2, 1])
    grouped = Sample(4, groups).mean(values)
    assert grouped.ci_low == Sample(3, groups[[0, 1, 3]]).mean(values[[0, 1, 3]]).ci_low


def test_what_has_no_interval_says_why():
    reason = "no interval: only one text gave a value"
    assert Sample(1).mean([4.0]) == Estimate(4.0, n=1, reason=reason)
    assert Sample(2).mean([4.0, np.nan]) == Estimate(4.0, n=1, undefined=1, reason=reason)
    found = Sample(3, ["a", "a", "b"]).mean([1.0, 3.0, np.nan])
    assert found == Estimate(
        2.0, n=2, undefined=1, reason="no interval: only one group gave a value"
    )
    nothing = Estimate(None, undefined=3, reason="no text gave a value")
    assert Sample(3).mean([np.nan] * 3) == nothing
    assert Sample(0).mean([]) == Estimate(None, reason="no text gave a value")
    assert Sample(0).median([]).value is None
    assert Sample(2).score(None, UNIT).reason == "undefined on these texts"


def test_groups_may_be_numbers_or_names():
    names = ["b", "a", "b", None, "c", None]
    values = np.random.default_rng(5).normal(size=6)
    found = Sample.by_group(names).mean(values)
    assert found == Sample.by_group(Names(names)).mean(values)
    assert found == Sample.by_code(np.array([7, 3, 7, -1, 0, -1])).mean(values)
    assert found == Sample(6, ["b", "a", "b", 3, "c", 5]).mean(values)
    assert Sample.by_group(["x", None, "x", None]).units == 3
    assert Sample.by_group([None] * 4).mean(values[:4]) == Sample(4).mean(values[:4])


def test_groups_of_one_change_nothing():
    values = np.random.default_rng(6).normal(size=25)
    alone, named = Sample(25), Sample(25, [f"doc{i}" for i in range(25)])
    assert named.mean(values).ci_low == pytest.approx(alone.mean(values).ci_low)
    share = values > 0
    assert named.median(values) == alone.median(values)
    assert width(named.mean(share, UNIT)) == pytest.approx(width(alone.mean(share, UNIT)), rel=0.12)


def test_columns_are_asked_for_one_after_the_other():
    values, asked = np.random.default_rng(7).random((40, 5)), []

    def make(name):
        asked.append(name)
        return values[:, int(name)]

    found = Sample(40).means(Lazy(map(str, range(5)), make), lambda name: UNIT)
    assert asked == list("01234")
    assert found["3"] == Sample(40).mean(values[:, 3], UNIT)


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="2 group labels for 3 instances"):
        Sample(3, ["a", "b"])
    with pytest.raises(ValueError, match=r"\(3,\)"):
        Sample(3).mean([[1.0], [2.0], [3.0]])
    with pytest.raises(ValueError, match=r"\(figures, 3\)"):
        Sample(3).covariance([1.0, 2.0, 3.0])
