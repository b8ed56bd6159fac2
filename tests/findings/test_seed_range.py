from __future__ import annotations

import numpy as np
import pytest
from attnaudit.findings.seed_range import damage, seed_range

from attnaudit.questions.runs import SEED


def test_means_over_seeds_and_the_worst_of_them(bench, models):
    bench.seeds = [
        models(20, start=4, jsd=0.1, tvd=0.02)[0],  # 8 flips
        models(26, jsd=0.2, tvd=0.04)[0],  # 6 flips, loss .03
        models(14, jsd=0.3, tvd=0.06)[0],  # 6 flips, gain .03
    ]
    found = seed_range(bench.of_seeds(), 0.01)
    assert (found.jsd.value, found.tvd.value) == (pytest.approx(0.2), pytest.approx(0.04))
    assert (found.flips, found.loss) == (pytest.approx(0.04), pytest.approx(0.03))
    assert found.jsd.ci_low < 0.1  # three seeds say little
    assert found.room == found.tvd.ci_high > 0.06


def test_what_counts_as_none(bench, models):
    bench.seeds = models(20, 20, tvd=0.0)
    found = seed_range(bench.of_seeds(), 0.01)
    assert (found.flips, found.loss) == (0.005, 0.01)
    assert found.room == pytest.approx(0.0183, abs=1e-4)  # 200 texts cannot tell a TVD of 0
    assert seed_range(bench.of_seeds(), 0.0).loss == 0


def test_damage_of_each_seed(bench, models):
    bench.seeds = models(20, 30, 10)
    flips, loss = damage(bench.of_seeds(), SEED, [1, 2, 3])
    assert flips == pytest.approx(np.array([0, 0.05, 0.05]))
    assert loss == pytest.approx(np.array([0, 0.05, -0.05]))
    flips, _ = damage(bench.of_seeds(), SEED, [3])
    assert flips == pytest.approx(np.array([0.05]))


def test_damage_with_more_classes_is_of_the_mean_f1(bench, models):
    bench.labels, bench.gold = ("a", "b", "c"), np.arange(198) % 3
    bench.base, bench.seeds = models(18)[0], models(36)
    flips, loss = damage(bench.of_seeds(), SEED, [1])
    assert (flips[0], loss[0]) == (pytest.approx(18 / 198), pytest.approx(18 / 198))
