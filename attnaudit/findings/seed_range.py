"""How far seeds of the recipe stray from the audited model: what an adversary may do unpunished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnaudit.measures.scores import f1
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.model_adversary.strengths import LEAST_SEEDS_TVD
from attnaudit.questions.runs import BASE, SEED, Floats, Kind, Runs
from attnaudit.records.metric import JSD, UNIT


@dataclass(frozen=True)
class SeedRange:
    """What seeds of the recipe do, compared with the audited model.

    `tvd` of their answers and `jsd` of their attention: means over instances and seeds. `flips` and
    `loss`: label flips and loss of F1 of the worst seed, no less than what counts as none.
    """

    tvd: Estimate
    jsd: Estimate
    flips: float
    loss: float

    @property
    def room(self) -> float:
        """The TVD up to which another model answers as seeds do."""
        return max(self.tvd.ci_high or 0.0, LEAST_SEEDS_TVD)


def seed_range(runs: Runs, least_loss: float) -> SeedRange:
    """The range of the seeds in `runs` of seed-baseline; `least_loss` of F1 counts as none."""
    seeds, sample = runs.seeds(model="seed"), runs.sample()
    tvd, jsd = (
        two_level(figures(runs.values(SEED, seeds, what), sample), bounds)
        for what, bounds in (("tvd", UNIT), ("jsd", JSD))
    )
    flips, loss = damage(runs, SEED, seeds)
    return SeedRange(tvd, jsd, max(LEAST_SEEDS_TVD, flips.max()), max(least_loss, loss.max()))


def damage(runs: Runs, kind: Kind, seeds: Sequence[int]) -> tuple[Floats, Floats]:
    """Share of labels that differ from the audited model's, and loss of F1 to it: (S,) each."""
    gold, probs = np.array(runs.gold), runs.probs(kind, seeds)
    flips = (probs.argmax(-1) != runs.predicted(BASE, [0])).mean(1)
    base, *others = (f1(gold, one) for one in (*runs.probs(BASE, [0]), *probs))
    return flips, np.array(base, float) - np.array(others, float)
