"""Recipes of which the truth is known: how well their models do, seed by seed and text by text.

A model answers a text right with a chance that is its seed's accuracy, shifted by how hard the text
is. With two balanced classes and errors that fall on both alike, the expected macro-F1 is the
accuracy (up to terms of order 1/n).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.findings.evidence import Evidence
from attnaudit.questions.runs import BASE, Columns, Kind, Runs

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]  # deviations of so many seeds, of mean 0

HARDNESS = 0.15  # how far texts shift the chance of a right answer


@dataclass(frozen=True)
class Seeds:
    """How seeds of a recipe differ; `draw` gives deviations whose mean in the population is 0."""

    name: str
    draw: Draw


def normal(sd: float) -> Seeds:
    """Seeds that differ as a normal variable does."""
    return Seeds(f"normal, sd {sd:g}", lambda g, count: g.normal(0, sd, count))


def coin(size: float) -> Seeds:
    """Seeds of two kinds, as many of each."""
    return Seeds(f"two kinds, +-{size:g}", lambda g, count: g.choice([-size, size], count))


def failing(loss: float, share: float = 0.1) -> Seeds:
    """Seeds of which one in ten fails."""

    def draw(generator: np.random.Generator, count: int) -> Array:
        failed = generator.random(count) < share
        return np.where(failed, -loss, 0.0) + share * loss

    return Seeds(f"one in ten loses {loss:g}", draw)


def records(
    generator: np.random.Generator, kinds: Mapping[Kind, Array], n: int, base: float = 0.85
) -> Runs:
    """The runs of models of these kinds, whose seeds have these accuracies, on n texts."""
    gold = np.arange(n) % 2
    hard = generator.uniform(-HARDNESS, HARDNESS, n)
    hard -= hard.mean()

    def columns(accuracy: float) -> Columns:
        right = generator.random(n) < np.clip(accuracy + hard, 0, 1)
        said = np.where(right, gold, 1 - gold)
        return Columns((0.1 + 0.8 * np.eye(2)[said]).tolist(), facts={"stopped": True})

    models = {
        kind: {seed: columns(accuracy) for seed, accuracy in enumerate(several.tolist(), 1)}
        for kind, several in kinds.items()
    }
    models[BASE] = {0: columns(base)}
    return Runs([str(i) for i in range(n)], gold.tolist(), [None] * n, models, [{}] * n)


def evidence(audit: str, runs: Runs, growing: bool = False) -> Evidence:
    """The evidence that these runs are."""
    names = frozenset({audit}) if growing else frozenset[str]()
    return Evidence(
        ("no", "yes"), "test", False, "simulated", {audit: {"test": runs}}, growing=names
    )
