from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from attnaudit.questions.budget import Budget, Spent, budget_of, spent
from attnaudit.questions.runs import BASE, SEED, Columns, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds

N = 200


def columns(wrong, jsd=0.1, tvd=0.03, start=0):
    """A model that is wrong on so many texts of two classes in turn, from text `start` on."""
    said = np.arange(N) % 2
    said[start : start + wrong] = 1 - said[start : start + wrong]
    return Columns((0.05 + 0.9 * np.eye(2)[said]).tolist(), [jsd] * N, [tvd] * N)


def runs_of(*models):
    return Runs(
        [str(row) for row in range(N)],
        [row % 2 for row in range(N)],
        [None] * N,
        {BASE: {0: columns(20)}, SEED: dict(enumerate(models, 1))},
    )


def budget(runs):
    return budget_of(runs, ScoreOfSeeds.of(runs, 2))


def test_the_bound_of_each_of_the_three():
    tvds, wrong = [0.01, 0.02, 0.03, 0.04, 0.05], [16, 18, 20, 22, 24]
    found = budget(runs_of(*(columns(w, tvd=x) for w, x in zip(wrong, tvds, strict=True))))
    room = t.ppf(1 - 0.2 / 3, 4) * (1 + 1 / 5) ** 0.5
    assert found.tvd == pytest.approx(0.03 + room * np.std(tvds, ddof=1))
    flips = [0.02, 0.01, 0, 0.01, 0.02]
    assert found.flips == pytest.approx(np.mean(flips) + room * np.std(flips, ddof=1))
    assert found.loss == pytest.approx(room * np.std([-0.02, -0.01, 0, 0.01, 0.02], ddof=1))


def test_seeds_that_never_move_leave_the_least_values():
    assert budget(runs_of(*[columns(20, tvd=0.0)] * 5)) == Budget(0.005, 2 / N, 0.005)


def test_better_seeds_leave_the_least_loss():
    assert budget(runs_of(*[columns(10)] * 5)).loss == 0.005


def test_four_seeds_set_no_budget():
    with pytest.raises(ValueError, match="4 seeds are too few to set a budget: 5 are needed"):
        budget(runs_of(*[columns(20)] * 4))


def test_what_models_spend():
    runs = runs_of(columns(20, start=4, tvd=0.02), columns(30, tvd=0.04))
    found = spent(runs, SEED, [1, 2], ScoreOfSeeds.of(runs, 2))
    assert found.tvd == pytest.approx([0.02, 0.04])
    assert found.flips == pytest.approx([8 / N, 10 / N])
    assert found.loss == pytest.approx([0, 0.05])


def test_every_limit_must_be_kept_and_is_itself_within():
    limits = Budget(0.1, 0.2, 0.3)
    each = np.array([0.1, 0.11, 0.1, 0.1]), np.array([0.2, 0.2, 0.21, 0.2]), np.full(4, 0.3)
    each[2][3] = 0.31
    assert limits.holds(Spent(*each)).tolist() == [True, False, False, False]


# The rule is the same for any number of seeds; test_prediction has its bound for others.
@pytest.mark.parametrize("count", [5, pytest.param(8, marks=pytest.mark.whole)])
def test_a_further_normal_seed_keeps_all_three_at_least_four_times_in_five(count):
    """Seeds draw a TVD, label flips and a loss that go together, as those of real seeds do."""
    chance = np.random.default_rng(count)
    kept = []
    for _ in range(300):
        common = chance.normal(size=count + 1)
        wrong = np.clip(20 + 6 * (0.6 * common + 0.8 * chance.normal(size=count + 1)), 0, 60)
        tvds = 0.06 + 0.01 * (0.6 * common + 0.8 * chance.normal(size=count + 1))
        models = [columns(round(w), tvd=x) for w, x in zip(wrong, tvds, strict=True)]
        runs = runs_of(*models)
        runs.models[SEED].pop(count + 1)
        limits = budget(runs)
        further = runs_of(models[-1])
        kept.append(limits.holds(spent(further, SEED, [1], ScoreOfSeeds.of(further, 2)))[0])
    assert np.mean(kept) > 0.8 - 3 * (0.16 / 300) ** 0.5
