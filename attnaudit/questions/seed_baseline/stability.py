"""How alike models of the recipe attend: the figures of *stable*, for reports and findings.

The models are the audited one and those that were trained exactly by its recipe with other seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.limits import LEVEL, Bounds
from attnaudit.measures.pairs import OfPairs, of_pairs
from attnaudit.measures.stability import Compared, compare
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.runs import BASE, SEED, Runs
from attnaudit.questions.seed_baseline.stability_metrics import (
    AGREEMENT,
    ALIKE,
    JSD_MEAN,
    KAPPA,
    SHUFFLED,
    S,
)
from attnaudit.records.metric import JSD, UNIT

Array = NDArray[np.float64]

NAMES = (S, KAPPA, AGREEMENT, JSD_MEAN, SHUFFLED)
LINE, KAPPA_LINE = 2 / 3, 0.5  # above which models attend alike; the first by default
_APART: Bounds = (0.0, 2.0)  # of 1 less s, and of 1 less kappa


@dataclass(frozen=True)
class Stability:
    """What all pairs of `models` models say on the texts of two words and more.

    `figures` holds the metrics by name. `columns` (n,) by name are what three of them are means of,
    NaN for a text that is left out. `chance` is how often two words drawn at random are the same,
    in the mean over texts; None where there is no text.
    """

    models: int
    figures: Mapping[str, OfPairs]
    columns: Mapping[str, Array]
    chance: float | None

    @property
    def metrics(self) -> dict[str, Estimate]:
        """The estimate of each figure."""
        return {name: figure.estimate for name, figure in self.figures.items()}


def stability(runs: Runs, level: float = LEVEL) -> Stability:
    """How alike the audited model and its seeds attend on the texts of `runs`.

    Reports and findings both take their figures from here. Intervals hold the truth with the
    probability `level`.
    """
    seeds = runs.seeds(model="seed")
    base = runs.attention(BASE, [0])
    weights = np.concatenate([base, runs.attention(SEED, seeds)]) if seeds else base
    found = compare(weights, runs.words)
    if found.models < 2:
        return _nothing(found, "there is only one model")
    if not found.used.any():
        return _nothing(found, "no text has two words or more")
    undefined = int((~found.used).sum())
    sample = runs.sample().part(found.used)

    def over(observed: Array, chance: float | Array, bounds: Bounds) -> OfPairs:
        made = of_pairs(observed, chance, found.models, sample, bounds, runs.seed, level)
        return replace(made, estimate=replace(made.estimate, undefined=undefined))

    differ = 1 - found.agree
    figures = {
        S: _nothing(found, "all attention is uniform, so shuffling does not change it").figures[S],
        KAPPA: over(differ, 1 - found.chance, _APART).turned(ALIKE),
        AGREEMENT: over(differ, 1.0, UNIT).turned(UNIT),
        JSD_MEAN: over(found.jsd, 1.0, JSD),
        SHUFFLED: over(found.shuffled, 1.0, JSD),
    }
    if found.shuffled.any():
        figures[S] = over(found.jsd, found.shuffled, _APART).turned(ALIKE)
    columns = {AGREEMENT: found.agree, JSD_MEAN: found.jsd, SHUFFLED: found.shuffled}
    return Stability(
        found.models,
        figures,
        {name: _column(values.mean(0), found.used) for name, values in columns.items()},
        float(found.chance.mean()),
    )


def _nothing(found: Compared, reason: str) -> Stability:
    missing = OfPairs(Estimate(None, undefined=len(found.used), reason=reason), None)
    return Stability(found.models, dict.fromkeys(NAMES, missing), {}, None)


def _column(values: Array, used: NDArray[np.bool_]) -> Array:
    """(n,) `values` at the texts that are used, NaN at the others."""
    column = np.full(len(used), np.nan)
    column[used] = values
    return column


def stability_table(found: Stability) -> Table:
    """All figures, with what shuffled attention gives and the lines of the finding."""
    shuffled = found.metrics[SHUFFLED].value
    rows: list[list[Cell]] = []
    for name, words, by_chance, line in (
        (JSD_MEAN, "JSD of attention", shuffled, None),
        (S, "s: how much more alike than by chance (1: identical, 0: as shuffled)", 0.0, LINE),
        (AGREEMENT, "share of pairs with the same top word", found.chance, None),
        (KAPPA, "kappa: this share, corrected for chance (0: chance)", 0.0, KAPPA_LINE),
    ):
        figure = found.metrics[name]
        rows.append([words, figure.value, figure.ci_low, figure.ci_high, by_chance, line])
    pairs = found.models * (found.models - 1) // 2
    notes = [
        f"The table compares all {pairs} pairs of {found.models} models of the recipe, "
        "including the audited model, on texts of at least two words.",
        "Shuffled (a control): the same figure if the weights of one of the two models are put "
        "in random order. Models that attend no more alike than this do not agree on which "
        "words matter.",
        "Line: the finding stable is for if the whole intervals of both s and kappa lie above "
        "these lines.",
    ]
    columns = ["", "value", "low", "high", "shuffled", "line"]
    return Table("How alike models of the recipe attend", columns, rows, notes)
