"""The budget: how far the answers of another model may move and still count as the same answers.

Other seeds of the recipe say so. A model keeps the budget if it moves the answers no further, flips
no more labels and loses no more of the score than one more training of the recipe would. Each of
the three limits is the bound below which a further seed lies with a chance of 1 - .2/3. By
Bonferroni's inequality a further seed then keeps all three at least four times in five.

The budget is fixed before any adversary is looked at, once on each split: on dev for choices, and
on the audited split for the verdict. Dev has a budget of its own because texts differ, and with
them how far seeds move the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.prediction import upper_bound
from attnaudit.questions.runs import BASE, SEED, Floats, Kind, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds

LEAST_BUDGET_SEEDS = 5
KEPT = 0.8  # the chance that a further seed keeps all three limits, at least
EACH = 1 - (1 - KEPT) / 3
LEAST_TVD = 0.005  # below these limits rounding and single texts decide
LEAST_FLIPS = 2  # texts
LEAST_LOSS = 0.005


@dataclass(frozen=True)
class Spent:
    """What models have changed of the audited model's answers: (S,) each, one entry a model.

    `tvd`: the mean TVD of the answers, in [0, 1]. `flips`: the share of texts with another
    predicted class, in [0, 1]. `loss`: the audited model's score less the model's, in [-1, 1].
    """

    tvd: Floats
    flips: Floats
    loss: Floats


@dataclass(frozen=True)
class Budget:
    """The most that a model may change: in TVD, in the share of flipped labels, and in score."""

    tvd: float
    flips: float
    loss: float

    def holds(self, spent: Spent) -> NDArray[np.bool_]:
        """(S,) which models keep all three limits; the limit itself is kept."""
        limits = ((spent.tvd, self.tvd), (spent.flips, self.flips), (spent.loss, self.loss))
        kept: NDArray[np.bool_] = np.all(
            [value <= limit + 1e-12 for value, limit in limits], axis=0
        )
        return kept


def spent(runs: Runs, kind: Kind, seeds: Sequence[int], score: ScoreOfSeeds) -> Spent:
    """What the models of one kind have changed, beside the audited model in the same runs."""
    probs, base = runs.probs(kind, seeds), runs.probs(BASE, [0])
    flips = (probs.argmax(-1) != base.argmax(-1)).mean(1)
    loss = score.values(base).mean(1) - score.values(probs).mean(1)
    return Spent(runs.values(kind, seeds, "tvd").mean(1), flips, loss)


def budget_of(runs: Runs, score: ScoreOfSeeds) -> Budget:
    """The budget that the seeds in `runs` of seed-baseline set on their split.

    Raises ValueError for fewer than `LEAST_BUDGET_SEEDS` seeds.
    """
    seeds = runs.seeds(model="seed")
    if len(seeds) < LEAST_BUDGET_SEEDS:
        raise ValueError(
            f"{len(seeds)} seeds are too few to set a budget: {LEAST_BUDGET_SEEDS} are needed"
        )
    found = spent(runs, SEED, seeds, score)
    tvd, flips, loss = (
        min(1.0, upper_bound(values, EACH)) for values in (found.tvd, found.flips, found.loss)
    )
    return Budget(
        max(tvd, LEAST_TVD), max(flips, LEAST_FLIPS / len(runs.gold)), max(loss, LEAST_LOSS)
    )
