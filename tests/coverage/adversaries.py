"""How often *hard to manipulate* errs at the boundary, given the budget: simulated figures.

Nothing is trained. Imitators and adversaries have a mean JSD of their own, drawn from one normal
distribution, and texts add noise, part of it common to all models. Every other respect is as clear
as can be, so that the excess alone decides: it is exactly delta in truth, where neither answer is
right. `python -m tests.coverage.adversaries` prints the share of each answer.
"""

from __future__ import annotations

import argparse
import sys
from array import array
from collections import Counter

import numpy as np

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.hard import hard_to_manipulate
from attnaudit.findings.rules import Deltas
from attnaudit.questions.runs import BASE, SEED, Columns, Runs, kind_of

TEXTS, DELTA, IMITATED, UNITS = 200, 0.1, 0.2, 3
SPREADS = (0.0, 0.01, 0.03)  # of the mean JSD between models
GOLD = np.arange(TEXTS) % 2
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
    """Evidence in which the excess is delta: that of `one` adversary, or that of all units."""
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


def shares(draws: int, spread: float, one: bool, seed: int = 1000) -> dict[str, float]:
    """The share of each answer in so many draws."""
    chance = np.random.default_rng([seed, int(1000 * spread), one])
    deltas, found = Deltas(hard_to_manipulate=DELTA), Counter[str]()
    for _ in range(draws):
        evidence = drawn(chance, spread, one)
        seeds = evidence.of("seed-baseline")
        found[hard_to_manipulate(evidence, seeds, deltas).status] += 1
    return {status: count / draws for status, count in found.items()}


def main() -> None:
    """Print a row for each spread of models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2000)
    draws = parser.parse_args().draws
    for spread in SPREADS:
        against = shares(draws, spread, one=True).get("against", 0.0)
        for_ = shares(draws, spread, one=False).get("for", 0.0)
        row = f"spread {spread:g}: false against {against:.4f}, false for {for_:.4f}"
        sys.stdout.write(f"{row}\n")


if __name__ == "__main__":
    main()
