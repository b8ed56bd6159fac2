"""How often *hard to manipulate* is wrong where the truth lies at its line, given the budget.

Nothing is trained. Imitators and adversaries have a mean JSD of their own, drawn from one normal
distribution, and texts add noise, part of it common to all models. Every other respect is as clear
as can be, so that the excess alone decides: it is exactly delta in truth, where neither answer is
right.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.hard import hard_to_manipulate
from attnaudit.findings.rules import Deltas
from attnaudit.questions.runs import BASE, SEED, Columns, Runs, kind_of
from tests.boundary.shares import share

TEXTS, DELTA, IMITATED, UNITS = 200, 0.1, 0.2, 3
SPREADS = (0.0, 0.01, 0.03)  # of the mean JSD between models
GOLD = np.arange(TEXTS) % 2
HEAD = f"""\

## Hard to manipulate

{TEXTS} texts, {UNITS} imitators, and {UNITS} adversaries of each strength and start. Models
differ: the spread is the standard deviation of their mean JSD. Two things can be wrong:

* *against*, where one adversary exceeds the imitators by exactly delta ({DELTA:g}) and all others
  do nothing. The interval is over texts and over three imitators.
* *for*, where adversaries exceed the imitators by exactly delta on average.

| truth | spread | wrong answer | share |
| --- | --- | --- | --- |"""
PROBS = (0.05 + 0.9 * np.eye(2)[GOLD]).tolist()


def columns(jsd: np.ndarray, tvd: float, moved: bool) -> Columns:
    """A model that answers all texts rightly."""
    return Columns(PROBS, jsd.tolist(), [tvd] * TEXTS, array("l", [int(moved)] * TEXTS))


def runs(models: dict) -> Runs:
    """The runs of one split."""
    base = columns(np.zeros(TEXTS), 0.0, False)
    names = [str(row) for row in range(TEXTS)]
    return Runs(names, GOLD.tolist(), [None] * TEXTS, {BASE: {0: base}, **models})


def drawn(chance: np.random.Generator, spread: float, one: bool) -> Evidence:
    """Evidence in which the excess is delta: that of `one` adversary, or the mean of all units."""
    common = 0.05 * chance.normal(size=TEXTS)

    def jsd(mean: float) -> np.ndarray:
        own = spread * chance.normal()
        return np.clip(mean + own + common + 0.05 * chance.normal(size=TEXTS), 0, 0.69)

    test, dev = {}, {}
    for start in ("scratch", "warm"):
        for strength in (0.0, 0.02, 0.1):
            kind = kind_of(**{"lambda": strength}, start=start)
            test[kind], dev[kind] = {}, {}
            for seed in range(UNITS):
                first = start == "warm" and seed == 0
                mean = IMITATED + (DELTA if strength else 0.0)
                if strength == 0.02 and one and not first:
                    mean = IMITATED  # all others do nothing
                far = strength == 0.1
                figures = jsd(mean)
                if strength == 0.02 and one and first:  # one model, which is as it is
                    figures = np.clip(mean + common + 0.05 * chance.normal(size=TEXTS), 0, 0.69)
                if far:
                    figures = np.full(TEXTS, 0.6)
                test[kind][seed] = columns(figures, 0.5 if far else 0.02, bool(strength))
                looked = np.full(TEXTS, 0.5 if first and strength else 0.3)
                dev[kind][seed] = columns(looked, 0.5 if far else 0.02, bool(strength))
    seeds = runs({SEED: {k: columns(np.full(TEXTS, 0.2), 0.1, False) for k in range(1, 6)}})
    both = {"test": runs(test), "dev": runs(dev)}
    audits = {"model-adversary": both, "seed-baseline": {"test": seeds, "dev": seeds}}
    return Evidence(("no", "yes"), "test", False, "simulated", audits)


def lines(draws: int, seed: int) -> Iterator[str]:
    """The rows of the table: how often so many audits of each kind are wrong."""
    deltas = Deltas(hard_to_manipulate=DELTA)
    truths = {"against": "one adversary at delta", "for": "adversaries at delta on average"}
    for wrong, truth in truths.items():
        for spread in SPREADS:
            chance = np.random.default_rng([seed, int(1000 * spread), wrong == "against"])
            count = 0
            for _ in range(draws):
                evidence = drawn(chance, spread, wrong == "against")
                seeds = evidence.of("seed-baseline")
                count += hard_to_manipulate(evidence, seeds, deltas).status == wrong
            yield f"| {truth} | {spread:g} | {wrong} | {share(count, draws)} |"
