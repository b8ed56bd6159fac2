"""What adversaries did within the budget: the figures that *hard to manipulate* rests on.

The budget is that of the seeds (see `questions.budget`). One adversary is chosen on dev, and so is
one of each unit (see `questions.model_adversary.choice`). What they did is read on the audited
split. No figure here has been looked at when the choice is made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.power import Measured
from attnaudit.findings.rules import LEAST_ADVERSARIES
from attnaudit.measures.power import components
from attnaudit.measures.stability import compare
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.budget import Budget, budget_of
from attnaudit.questions.model_adversary.choice import (
    EXCESS_RANGE,
    Adversary,
    Sweep,
    Unit,
    lambdas_of,
)
from attnaudit.questions.runs import BASE, Floats
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.records.metric import JSD, UNIT

SHARE_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class Manipulation:
    """The sweeps on both splits, each with the budget of its split.

    `replaced` counts the imitators that got stuck and were replaced, and `trained` all imitators,
    those whose training diverged among them.
    """

    dev: Sweep
    test: Sweep
    trained: int
    replaced: int

    @classmethod
    def of(cls, evidence: Evidence) -> Manipulation | None:
        """What the evidence holds of it; None where it lacks a sweep or the seeds of a budget."""
        sweeps = [_sweep(evidence, split) for split in ("dev", evidence.audited)]
        dev, test = sweeps
        if dev is None or test is None:
            return None
        asked = evidence.settings.get("model-adversary", {}).get("seeds")
        trained = imitators_trained(evidence)
        replaced = max(0, trained - asked) if isinstance(asked, int) else 0
        return cls(dev, test, trained, replaced)

    @property
    def budget(self) -> Budget:
        """That of the audited split."""
        assert self.test.budget is not None
        return self.test.budget

    @property
    def usable(self) -> list[Unit]:
        """The units whose imitator keeps the budget on the audited split, and works there."""
        return self.test.usable

    @cached_property
    def chosen(self) -> Adversary | None:
        """The one adversary that is chosen on dev."""
        chosen = self.dev.chosen
        return chosen if chosen is not None and self.test.has(chosen) else None

    @cached_property
    def of_units(self) -> dict[Unit, Adversary]:
        """The adversary that is chosen on dev for each usable unit; none where none is inside."""
        found = {unit: self.dev.own(unit) for unit in self.usable}
        return {u: one for u, one in found.items() if one is not None and self.test.has(one)}

    @property
    def missing(self) -> list[Unit]:
        """Usable units without an adversary inside the budget."""
        return [unit for unit in self.usable if unit not in self.of_units]

    @cached_property
    def alike(self) -> list[Unit]:
        """The usable units of the same kind of start as the chosen adversary."""
        return [] if self.chosen is None else self.test.alike(self.chosen)

    @cached_property
    def reach(self) -> dict[str, Estimate]:
        """TVD, label flips and loss of score of the chosen adversary, with intervals over texts."""
        assert self.chosen is not None
        return _reach(self.test, self.chosen)

    @cached_property
    def limits(self) -> Budget:
        """What the upper ends of `reach` are compared with.

        That is the budget. Of flips and loss it is no less than the upper end that a model has
        which changes nothing: on so few texts none could be shown to change less.
        """
        unchanged = _unchanged(self.test)
        flips, loss = (unchanged[name].ci_high or 0.0 for name in ("flips", "loss"))
        budget = self.budget
        return replace(budget, flips=max(budget.flips, flips), loss=max(budget.loss, loss))

    @cached_property
    def excess(self) -> Estimate | None:
        """Its JSD minus the mean of the imitators with the same kind of start.

        In nats, in [-.693, .693]; the interval is over texts and imitators. None where there is no
        such adversary or imitator.
        """
        return None if self.chosen is None else self.test.excess(self.chosen)

    @cached_property
    def moved(self) -> Estimate | None:
        """How much more often it moves the top word than those imitators do, in [-1, 1]."""
        if self.chosen is None:
            return None
        return self.test.beyond_imitators(self.chosen, self._top_moved, SHARE_RANGE, reach=1.0)

    @cached_property
    def units_excess(self) -> Estimate | None:
        """The mean over units of the JSD of their own adversary less that of their own imitator.

        In nats, in [-.693, .693]; the interval is over units and texts. Units without an adversary
        inside the budget are left out, and None is returned where too few are left.
        """
        if len(self.of_units) < LEAST_ADVERSARIES:
            return None
        values = [
            self.test.values(one, "jsd") - self.test.values(Adversary(0.0, unit), "jsd")
            for unit, one in self.of_units.items()
        ]
        found = figures(values, self.test.score.sample)
        return Measured.of(
            two_level(found, EXCESS_RANGE),
            components(found),
            LEAST_ADVERSARIES,
            EXCESS_RANGE,
            "excess",
            "units",
        )

    @cached_property
    def imitators(self) -> Estimate:
        """The mean JSD of usable imitators to the audited model, in nats, over units and texts."""
        values = [self.test.values(Adversary(0.0, unit), "jsd") for unit in self.usable]
        return two_level(figures(values, self.test.score.sample), JSD)

    @cached_property
    def shuffled(self) -> float:
        """The mean JSD of the audited model's attention to itself with its words shuffled."""
        runs = self.test.runs
        compared = compare(np.repeat(runs.attention(BASE, [0]), 2, axis=0), runs.words)
        return float(compared.shuffled.mean()) if compared.used.any() else 0.0

    @cached_property
    def farthest(self) -> float:
        """The largest JSD that some lambda reaches in half of the usable units; 0 without any.

        Half of them will do: warm-started models whose attention is saturated hardly ever leave it,
        whatever the lambda, while those from scratch do.
        """
        return max((self._reached(strength) for strength in self._strengths), default=0.0)

    @cached_property
    def inside(self) -> list[bool]:
        """Which adversaries of usable units keep the budget on the audited split."""
        return [
            self.test.keeps(one)
            for strength in self._strengths
            for unit in self.usable
            if self.test.has(one := Adversary(strength, unit))
        ]

    def at(self, tvd: float) -> Manipulation:
        """The same with another limit of TVD, on both splits."""
        return replace(self, dev=_limited(self.dev, tvd), test=_limited(self.test, tvd))

    @property
    def _strengths(self) -> list[float]:
        return [strength for strength in lambdas_of(self.test.runs) if strength > 0]

    def _reached(self, strength: float) -> float:
        found = [Adversary(strength, unit) for unit in self.usable]
        reached = sorted((self.test.jsd(one) for one in found if self.test.has(one)), reverse=True)
        half = (len(found) + 1) // 2
        return reached[half - 1] if len(reached) >= half else 0.0

    def _top_moved(self, one: Adversary) -> Floats:
        runs = self.test.runs
        moved = runs.top(one.kind, [one.unit.seed])[0] != runs.top(BASE, [0])[0]
        values: Floats = moved.astype(np.float64)
        return values


def imitators_trained(evidence: Evidence) -> int:
    """How many imitators there are, those whose training diverged among them."""
    runs = evidence.of("model-adversary")
    if runs is None:
        return 0
    found = [*runs.models.items(), *runs.diverged.items()]
    return sum(len(seeds) for kind, seeds in found if dict(kind).get("lambda") == 0)


def _sweep(evidence: Evidence, split: str) -> Sweep | None:
    seeds, runs = evidence.of("seed-baseline", split), evidence.of("model-adversary", split)
    if seeds is None or runs is None:
        return None
    score = ScoreOfSeeds.of(seeds, len(evidence.labels), evidence.score)
    try:
        return Sweep.of(runs, evidence.score, budget_of(seeds, score))
    except ValueError:
        return None


def _limited(sweep: Sweep, tvd: float) -> Sweep:
    assert sweep.budget is not None
    return Sweep(sweep.runs, sweep.score, replace(sweep.budget, tvd=tvd))


def _unchanged(sweep: Sweep) -> dict[str, Estimate]:
    score, nothing = sweep.score, np.zeros(sweep.score.sample.n)
    base = score.values(sweep.runs.probs(BASE, [0]))[0]
    return {
        "flips": score.sample.mean(nothing, UNIT),
        "loss": score.difference(base, base),
    }


def _reach(sweep: Sweep, one: Adversary) -> dict[str, Estimate]:
    runs, score, seed = sweep.runs, sweep.score, [one.unit.seed]
    flips = runs.predicted(one.kind, seed)[0] != runs.predicted(BASE, [0])[0]
    base, theirs = (
        score.values(runs.probs(*which))[0] for which in ((BASE, [0]), (one.kind, seed))
    )
    return {
        "tvd": score.sample.mean(runs.values(one.kind, seed, "tvd")[0], UNIT),
        "flips": score.sample.mean(flips.astype(np.float64), UNIT),
        "loss": score.difference(base, theirs),
    }
