from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.stats

from attnaudit.measures import intervals
from attnaudit.measures.columns import Lazy, Names
from attnaudit.measures.counted import median_of_counts
from attnaudit.measures.intervals import DRAWS, Bootstrap
from attnaudit.measures.scores import auroc, f1
from attnaudit.measures.summary import Estimate


def column(values: object) -> np.ndarray:
    return np.asarray(values, float)[:, None]


def mean(values: np.ndarray) -> float:
    return float(values.mean())


def test_agrees_with_scipy_within_the_error_of_either():
    values = np.random.default_rng(0).exponential(size=80)
    [ours] = Bootstrap(80, draws=20_000).means(column(values))
    theirs = scipy.stats.bootstrap(
        (values,),
        np.mean,
        method="percentile",
        n_resamples=20_000,
        random_state=np.random.default_rng(1),
    ).confidence_interval
    spread = values.std() / np.sqrt(80)
    assert ours.value == pytest.approx(values.mean())
    assert ours.ci_low == pytest.approx(theirs.low, abs=0.05 * spread)
    assert ours.ci_high == pytest.approx(theirs.high, abs=0.05 * spread)


def test_covers_the_mean_of_a_normal_sample_as_often_as_it_says():
    generator = np.random.default_rng(1)
    covered = [
        e.ci_low <= 0 <= e.ci_high
        for seed in range(8)
        for e in Bootstrap(40, seed=seed, draws=500).means(generator.normal(size=(40, 100)))
    ]
    # A percentile interval at n = 40 falls a little short of .95; the binomial error is .008.
    assert 0.91 < np.mean(covered) < 0.97


def test_instances_of_no_group_are_drawn_by_themselves():
    values = column(range(4))
    for groups, units in ((["x", "x", None, None], ["x", "x", 2, 3]), ([None] * 4, None)):
        made = Bootstrap.by_group(groups, seed=3)
        assert made.means(values) == Bootstrap(4, units, seed=3).means(values)
    assert Bootstrap.by_group(["x", None, "x", None]).units == 3


def test_covers_the_mean_of_groups_where_single_rows_would_not():
    generator = np.random.default_rng(2)
    groups = [i // 10 for i in range(300)]
    data = [generator.normal(size=30).repeat(10)[:, None] for _ in range(150)]

    def coverage(labels: list[int] | None) -> float:
        estimates = [Bootstrap(300, labels, draws=300).means(d)[0] for d in data]
        return float(np.mean([e.ci_low <= 0 <= e.ci_high for e in estimates]))

    assert coverage(groups) > 0.88
    assert coverage(None) < 0.7


def test_two_equal_halves_by_hand():
    # Of four resamples of (0, 1), one has mean 0, two .5 and one 1.
    [estimate] = Bootstrap(2).means([[0.0], [1.0]])
    assert (estimate.value, estimate.ci_low, estimate.ci_high) == (0.5, 0.0, 1.0)


def test_undefined_values_are_left_out_and_counted():
    values = np.array([[1.0, np.nan], [3.0, 5.0], [np.nan, np.inf], [2.0, 7.0]])
    first, second = Bootstrap(4).means(values)
    assert (first.value, first.n, first.undefined) == (2.0, 3, 1)
    assert (second.value, second.n, second.undefined) == (6.0, 2, 2)
    assert 5 <= second.ci_low <= second.ci_high <= 7


def test_draws_take_the_mean_of_their_defined_rows():
    values = np.random.default_rng(3).normal(size=30)
    values[::3] = np.nan
    [by_product] = Bootstrap(30).means(column(values))

    def defined_mean(drawn: np.ndarray) -> float | None:
        kept = drawn[~np.isnan(drawn)]
        return mean(kept) if kept.size else None

    by_loop = Bootstrap(30).statistic(defined_mean, values)
    assert by_product.ci_low == pytest.approx(by_loop.ci_low)
    assert by_product.ci_high == pytest.approx(by_loop.ci_high)


def test_draws_without_a_defined_row_are_dropped():
    values = np.full(200, np.nan)
    values[:2] = 1.0, 2.0
    [estimate] = Bootstrap(200).means(column(values))
    assert (estimate.value, estimate.n) == (1.5, 2)
    assert (estimate.ci_low, estimate.ci_high) == (1.0, 2.0)


def test_nothing_defined():
    [estimate] = Bootstrap(3).means(np.full((3, 1), np.nan))
    assert estimate == Estimate(None, undefined=3, reason="no instance gave a value")
    [estimate] = Bootstrap(0).means(np.zeros((0, 1)))
    assert estimate == Estimate(None, reason="no instance gave a value")


def test_one_value_has_no_interval():
    reason = "no interval: only one instance gave a value"
    assert Bootstrap(1).means([[4.0]]) == [Estimate(4.0, n=1, reason=reason)]
    assert Bootstrap(2).means([[4.0], [np.nan]]) == [Estimate(4.0, n=1, undefined=1, reason=reason)]
    assert Bootstrap(1).statistic(mean, np.array([4.0])) == Estimate(4.0, n=1, reason=reason)


def test_one_group_has_no_interval():
    reason = "no interval: only one group gave a value"
    values = np.array([[1.0], [3.0], [np.nan]])
    assert Bootstrap(3, ["a", "a", "b"]).means(values) == [
        Estimate(2.0, n=2, undefined=1, reason=reason)
    ]
    assert Bootstrap(2, ["a", "a"]).statistic(mean, values[:2]).reason == reason


def test_groups_of_one_change_nothing():
    values = np.random.default_rng(4).normal(size=(25, 3))
    assert Bootstrap(25, [f"doc{i}" for i in range(25)]).means(values) == Bootstrap(25).means(
        values
    )


def test_groups_are_drawn_whole_wherever_their_rows_stand():
    values = np.random.default_rng(5).normal(size=20)
    [single] = Bootstrap(20).means(column(values))
    twice = np.concatenate([values, values])
    [grouped] = Bootstrap(40, [*range(20), *range(20)]).means(column(twice))
    [naive] = Bootstrap(40).means(column(twice))
    assert grouped.n == 40
    assert grouped.ci_low == pytest.approx(single.ci_low)
    assert grouped.ci_high == pytest.approx(single.ci_high)
    assert naive.ci_high - naive.ci_low < 0.8 * (grouped.ci_high - grouped.ci_low)


def test_the_loop_and_the_product_see_the_same_draws():
    values = np.random.default_rng(6).normal(size=33)
    groups = [i % 5 for i in range(33)]
    for labels in (None, groups):
        bootstrap = Bootstrap(33, labels, seed=9)
        [product] = bootstrap.means(column(values))
        loop = bootstrap.statistic(mean, values)
        assert loop.value == pytest.approx(product.value)
        assert loop.ci_low == pytest.approx(product.ci_low)
        assert loop.ci_high == pytest.approx(product.ci_high)


def test_same_seed_same_interval_and_another_seed_another():
    values = np.random.default_rng(7).normal(size=(50, 2))
    assert Bootstrap(50, seed=3).means(values) == Bootstrap(50, seed=3).means(values)
    assert Bootstrap(50, seed=3).means(values) != Bootstrap(50, seed=4).means(values)


@pytest.mark.parametrize("cells", [1, 50 * 7, 50 * 2000])
def test_chunks_do_not_change_the_result(monkeypatch, cells):
    values = np.random.default_rng(8).normal(size=(50, 2))
    expected = Bootstrap(50).means(values)
    monkeypatch.setattr(intervals, "CHUNK_CELLS", cells)
    for ours, theirs in zip(Bootstrap(50).means(values), expected, strict=True):
        assert ours.ci_low == pytest.approx(theirs.ci_low, rel=1e-12)
        assert ours.ci_high == pytest.approx(theirs.ci_high, rel=1e-12)


def test_memory_is_bounded():
    values = np.random.default_rng(9).normal(size=(200_000, 1))
    tracemalloc.start()
    [estimate] = Bootstrap(200_000, draws=60).means(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert estimate.ci_high - estimate.ci_low < 0.02
    assert peak < 60e6  # all 60 draws at once would take 96 MB


def test_statistics_that_are_no_means():
    generator = np.random.default_rng(10)
    gold = generator.integers(0, 2, 120)
    positive = np.clip(0.3 * gold + generator.random(120) * 0.7, 0, 1)
    probs = np.stack([1 - positive, positive], 1)
    bootstrap = Bootstrap(120)
    for score in (f1, auroc):
        estimate = bootstrap.statistic(score, gold, probs)
        assert estimate.value == score(gold, probs)
        assert estimate.ci_low < estimate.value < estimate.ci_high
        assert (estimate.n, estimate.undefined, estimate.reason) == (120, 0, None)


def test_a_statistic_drops_the_draws_that_leave_it_undefined():
    gold, probs = np.array([1, 0, 0]), np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    estimate = Bootstrap(3).statistic(auroc, gold, probs)
    assert (estimate.value, estimate.ci_low, estimate.ci_high) == (1.0, 1.0, 1.0)


def test_an_undefined_statistic_has_a_reason():
    estimate = Bootstrap(2).statistic(auroc, np.array([1, 1]), np.full((2, 2), 0.5))
    assert estimate == Estimate(None, n=2, reason="undefined on these instances")


def test_a_statistic_that_only_the_whole_sample_defines():
    def all_different(values: np.ndarray) -> float | None:
        return 1.0 if len(set(values)) == len(values) else None

    estimate = Bootstrap(40).statistic(all_different, np.arange(40))
    assert estimate == Estimate(1.0, n=40, reason="no interval: no resample gave a value")


def test_no_figures():
    assert Bootstrap(3).means(np.zeros((3, 0))) == []


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="2 group labels for 3 instances"):
        Bootstrap(3, ["a", "b"])
    with pytest.raises(ValueError, match=r"\(2, 1\)"):
        Bootstrap(3).means([[1.0], [2.0]])
    with pytest.raises(ValueError, match=r"\(3,\)"):
        Bootstrap(3).means([1.0, 2.0, 3.0])


def test_the_usual_number_of_draws():
    assert Bootstrap(5).draws == DRAWS == 2000


# Many units


@pytest.fixture
def blocked(monkeypatch):
    """A bootstrap draws blocks from this many instances or groups on."""

    def more_than(units, blocks=500):
        monkeypatch.setattr(intervals, "MOST_UNITS", units)
        monkeypatch.setattr(intervals, "BLOCKS", blocks)

    return more_than


def test_many_instances_are_drawn_in_blocks_with_about_the_same_intervals(blocked):
    generator = np.random.default_rng(11)
    values = generator.exponential(size=(20_000, 2))
    values[generator.random(20_000) < 0.3, 1] = np.nan
    # Sorted, so that neighbours are alike: blocks of neighbours would be far too few samples.
    values = values[values[:, 0].argsort()]
    plain = Bootstrap(20_000).means(values)
    blocked(10_000)
    bootstrap = Bootstrap(20_000)
    assert bootstrap.units == 500
    for ours, theirs in zip(bootstrap.means(values), plain, strict=True):
        assert ours.value == pytest.approx(theirs.value, rel=1e-12)
        assert (ours.n, ours.undefined) == (theirs.n, theirs.undefined)
        width, expected = (e.ci_high - e.ci_low for e in (ours, theirs))
        assert width == pytest.approx(expected, rel=0.12)
    median = bootstrap.counted(median_of_counts(values[:, 0]))
    assert median.value == np.median(values[:, 0])
    loop = bootstrap.statistic(lambda x: float(np.median(x)), values[:, 0])
    assert median == loop


def test_groups_stay_whole_in_blocks(blocked):
    generator = np.random.default_rng(12)
    groups = np.arange(6000) // 3
    values = generator.normal(size=2000)[groups][:, None]
    [plain] = Bootstrap(6000, groups.tolist()).means(values)
    blocked(1000)
    [found] = Bootstrap(6000, groups.tolist()).means(values)
    assert found.ci_high - found.ci_low == pytest.approx(plain.ci_high - plain.ci_low, rel=0.12)


def test_blocks_cover_the_mean_as_often_as_they_say(blocked):
    blocked(100, blocks=50)
    generator = np.random.default_rng(13)
    covered = [
        e.ci_low <= 0 <= e.ci_high
        for seed in range(6)
        for e in Bootstrap(400, seed=seed, draws=400).means(generator.normal(size=(400, 100)))
    ]
    # 50 blocks make the half-width uncertain by a tenth: a little short of .95, as with 50 rows.
    assert 0.91 < np.mean(covered) < 0.97


def test_blocks_are_told_of(blocked):
    assert Bootstrap(300).notes == []
    blocked(200, blocks=20)
    assert Bootstrap(200).notes == []
    bootstrap = Bootstrap(300)
    assert bootstrap.notes == ["Intervals resample 20 random blocks of the 300 instances."]
    alone = np.full((300, 1), np.nan)
    alone[3] = 1.0
    [estimate] = bootstrap.means(alone)
    assert estimate.reason == "no interval: only one block gave a value"


def test_the_same_seed_deals_the_same_blocks(blocked):
    values = np.random.default_rng(14).normal(size=(300, 1))
    blocked(200, blocks=20)
    assert Bootstrap(300, seed=1).means(values) == Bootstrap(300, seed=1).means(values)
    assert Bootstrap(300, seed=1).means(values) != Bootstrap(300, seed=2).means(values)


def test_groups_may_be_numbers_or_names():
    names = ["b", "a", "b", None, "c", None]
    by_name = Bootstrap.by_group(names, seed=5)
    values = np.random.default_rng(15).normal(size=(6, 2))
    assert by_name.means(values) == Bootstrap.by_group(Names(names), seed=5).means(values)
    codes = np.array([7, 3, 7, -1, 0, -1])
    assert by_name.means(values) == Bootstrap.by_code(codes, seed=5).means(values)
    assert by_name.means(values) == Bootstrap(6, ["b", "a", "b", 3, "c", 5], seed=5).means(values)


def test_means_by_name_ask_for_one_column_after_the_other(monkeypatch):
    values = np.random.default_rng(16).normal(size=(40, 5))
    expected = Bootstrap(40).means(values)
    asked = []

    def make(name):
        asked.append(name)
        return values[:, int(name)]

    columns = Lazy(map(str, range(5)), make)
    assert list(Bootstrap(40).means_by_name(columns).values()) == expected
    assert asked == list("01234")
    monkeypatch.setattr(intervals, "PASS_CELLS", 2 * 40)
    for found, one in zip(Bootstrap(40).means_by_name(columns).values(), expected, strict=True):
        assert found.value == pytest.approx(one.value, rel=1e-12)
        assert found.ci_low == pytest.approx(one.ci_low, rel=1e-12)


def test_memory_is_bounded_whatever_the_number_of_figures(monkeypatch):
    monkeypatch.setattr(intervals, "PASS_CELLS", 2**14)
    column = np.random.default_rng(17).normal(size=2000)
    columns = Lazy(map(str, range(400)), lambda name: column)
    tracemalloc.start()
    Bootstrap(2000, draws=2).means_by_name(columns)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3e6  # all columns with their sizes, twice, would take 25 MB
