from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.stats

from attnaudit.measures import bootstrap
from attnaudit.measures.bootstrap import DRAWS, Bootstrap
from attnaudit.measures.sample import Sample


def column(values: object) -> np.ndarray:
    return np.asarray(values, float)[:, None]


def test_draws_spread_as_those_of_scipy():
    values = np.random.default_rng(0).exponential(size=80)
    ours = Bootstrap(Sample(80), draws=20_000).means(column(values))[:, 0]
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, random_state=np.random.default_rng(1)
    ).bootstrap_distribution
    spread = values.std() / np.sqrt(80)
    for share in (2.5, 50, 97.5):
        there, here = np.percentile(theirs, share), np.percentile(ours, share)
        assert here == pytest.approx(there, abs=0.05 * spread)


def test_groups_are_drawn_whole_and_differ_in_size():
    groups = ["a", "b", "a", "a"]
    drawn = Bootstrap(Sample(4, groups)).means(column([1.0, 5.0, 2.0, 3.0]))
    # Two draws of two groups: a twice, b twice, or one of each.
    assert set(np.round(drawn[:, 0], 12)) == {2.0, 5.0, 11 / 4}
    assert np.mean(drawn == 11 / 4) == pytest.approx(0.5, abs=0.04)


def test_figures_stay_paired():
    values = np.random.default_rng(1).normal(size=(30, 1))
    drawn = Bootstrap(Sample(30), seed=4).means(np.hstack([values, 2 * values + 1]))
    assert drawn[:, 1] == pytest.approx(2 * drawn[:, 0] + 1)


def test_one_unit_tells_nothing():
    assert np.isnan(Bootstrap(Sample(1)).means([[4.0]])).all()
    assert np.isnan(Bootstrap(Sample(3, ["a"] * 3)).means(np.ones((3, 2)))).all()


def test_same_seed_same_draws_and_another_seed_others():
    values = np.random.default_rng(7).normal(size=(50, 2))
    first, again, other = (Bootstrap(Sample(50), seed=s).means(values) for s in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("cells", [1, 50 * 7, 50 * 2000])
def test_chunks_do_not_change_the_result(monkeypatch, cells):
    values = np.random.default_rng(8).normal(size=(50, 2))
    expected = Bootstrap(Sample(50)).means(values)
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", cells)
    assert Bootstrap(Sample(50)).means(values) == pytest.approx(expected, rel=1e-12)


def test_memory_is_bounded():
    values = np.random.default_rng(9).normal(size=(200_000, 1))
    tracemalloc.start()
    drawn = Bootstrap(Sample(200_000), draws=60).means(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert drawn.std() < 0.01
    assert peak < 60e6  # all 60 draws at once would take 96 MB


def test_many_instances_are_drawn_in_blocks_that_spread_as_much(monkeypatch):
    generator = np.random.default_rng(11)
    # Sorted, so that neighbours are alike: blocks of neighbours would be far too few samples.
    values = np.sort(generator.exponential(size=20_000))[:, None]
    groups = np.arange(20_000) // 3
    for sample in (Sample(20_000), Sample(20_000, generator.permutation(groups))):
        plain = Bootstrap(sample, draws=800).means(values)
        monkeypatch.setattr(bootstrap, "MOST_UNITS", 5_000)
        monkeypatch.setattr(bootstrap, "BLOCKS", 500)
        blocked = Bootstrap(sample, draws=800).means(values)
        monkeypatch.undo()
        assert blocked.std() == pytest.approx(plain.std(), rel=0.12)
        assert blocked.mean() == pytest.approx(values.mean(), rel=0.01)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"\(2, figures\)"):
        Bootstrap(Sample(2)).means([1.0, 2.0])
    assert Bootstrap(Sample(2)).draws == DRAWS == 2000
