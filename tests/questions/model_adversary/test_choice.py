"""Which imitators count and which adversary is chosen, on one split."""

from __future__ import annotations

import numpy as np
import pytest

from attnaudit.questions.budget import Budget
from attnaudit.questions.model_adversary.choice import Adversary, Sweep, Unit, adversary_of, choose
from attnaudit.questions.runs import BASE, SEED, Columns, Runs, kind_of

N = 100
GOLD = np.arange(N) % 2
BUDGET = Budget(0.1, 0.1, 0.05)
SCRATCH, WARM = Unit("scratch", 4), Unit("warm", 1)


def columns(jsd=0.05, tvd=0.02, wrong=0):
    said = GOLD.copy()
    said[:wrong] = 1 - said[:wrong]
    return Columns((0.05 + 0.9 * np.eye(2)[said]).tolist(), [jsd] * N, [tvd] * N)


def runs(adversaries):
    """Runs of adversaries {(lambda, unit): columns}."""
    made = Runs([str(row) for row in range(N)], GOLD.tolist(), [None] * N, {BASE: {0: columns()}})
    for (strength, unit), found in adversaries.items():
        kind = kind_of(**{"lambda": strength}, start=unit.start)
        made.models.setdefault(kind, {})[unit.seed] = found
    return made


def sweep(adversaries, budget=BUDGET):
    return Sweep.of(runs(adversaries), "macro_f1", budget)


IMITATORS = {(0.0, SCRATCH): columns(), (0.0, WARM): columns()}


def test_the_farthest_within_the_budget_is_chosen_among_all():
    found = sweep(
        {
            **IMITATORS,
            (0.01, SCRATCH): columns(0.3),
            (0.1, SCRATCH): columns(0.6, tvd=0.11),
            (0.01, WARM): columns(0.4),
        }
    )
    assert found.units == found.usable == [SCRATCH, WARM]
    assert found.own(SCRATCH) == Adversary(0.01, SCRATCH)
    assert found.chosen == Adversary(0.01, WARM)


@pytest.mark.parametrize("over", [{"tvd": 0.11}, {"wrong": 11}, {"wrong": 6}])
def test_what_breaks_one_limit_is_outside(over):
    found = sweep({**IMITATORS, (0.01, WARM): columns(0.4, **over)})
    assert found.own(WARM) is None
    assert found.chosen is None


def test_units_of_stuck_imitators_are_not_usable():
    found = sweep({**IMITATORS, (0.0, WARM): columns(tvd=0.2), (0.01, WARM): columns(0.4)})
    assert found.usable == [SCRATCH]
    assert found.own(WARM) == Adversary(0.01, WARM)
    assert found.chosen is None


def test_without_a_budget_an_imitator_must_only_beat_a_constant():
    far = {**IMITATORS, (0.0, WARM): columns(tvd=0.9), (0.0, SCRATCH): columns(wrong=80)}
    assert sweep(far, None).usable == [WARM]


def test_imitators_are_never_chosen():
    assert sweep({(0.0, WARM): columns(0.69)}).chosen is None


def test_the_choice_of_the_seeds_own_budget():
    seeds = runs({})
    seeds.models[SEED] = {k: columns(tvd=x) for k, x in enumerate((0.02, 0.03, 0.04, 0.05, 0.06))}
    adversaries = runs({**IMITATORS, (0.01, WARM): columns(0.4, tvd=0.07)})
    assert choose(seeds, adversaries, "macro_f1") == Adversary(0.01, WARM)
    dear = runs({**IMITATORS, (0.01, WARM): columns(0.4, tvd=0.08)})
    assert choose(seeds, dear, "macro_f1") is None
    del seeds.models[SEED][0]
    assert choose(seeds, adversaries, "macro_f1") is None
    assert choose(None, adversaries, "macro_f1") is choose(seeds, None, "macro_f1") is None


def test_names():
    one = adversary_of({"lambda": 0.001, "start": "warm", "seed": 1, "split": "dev"})
    assert one == Adversary(0.001, WARM)
    assert one.words == "lambda 0.001, warm start, seed 1"
    assert one.name == "lambda0.001-warm-seed1"
    assert adversary_of({"lambda": 0.5, "seed": 4}) == Adversary(0.5, SCRATCH)  # of older records
