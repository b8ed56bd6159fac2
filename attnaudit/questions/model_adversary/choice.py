"""Which imitators count, and which adversary is chosen: on one split, against the seeds' budget.

A unit is a start and a seed: the imitator that was trained from there, and the adversaries of all
lambdas. Choices are made on dev. What was chosen is judged on the audited split.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from attnaudit.measures.limits import Bounds
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.budget import Budget, Spent, budget_of, spent
from attnaudit.questions.runs import BASE, Floats, Kind, Runs, kind_of
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.questions.scored import ScoreName
from attnaudit.records.metric import JSD

SCRATCH, WARM = "scratch", "warm"
STARTS = (SCRATCH, WARM)
EXCESS_RANGE = (-JSD[1], JSD[1])


class Unit(NamedTuple):
    """Where models begin: untrained or from a seed of the recipe, and with which seed."""

    start: str
    seed: int

    @property
    def words(self) -> str:
        """What it is called: `warm start, seed 1`."""
        return f"{'warm start' if self.start == WARM else 'from scratch'}, seed {self.seed}"


class Adversary(NamedTuple):
    """One adversary, or for lambda 0 an imitator."""

    strength: float
    unit: Unit

    @property
    def kind(self) -> Kind:
        """The kind of its run."""
        return kind_of(**{"lambda": self.strength, "start": self.unit.start})

    @property
    def words(self) -> str:
        """What it is called: `lambda 0.02, warm start, seed 1`."""
        return f"lambda {self.strength!r}, {self.unit.words}"

    @property
    def name(self) -> str:
        """What its checkpoint is called, without an ending: `lambda0.02-warm-seed1`."""
        return f"lambda{self.strength!r}-{self.unit.start}-seed{self.unit.seed}"


def adversary_of(run: Mapping[str, Any]) -> Adversary:
    """The adversary that a run is of; older runs name no start, and began from scratch."""
    return Adversary(run["lambda"], Unit(run.get("start", SCRATCH), run["seed"]))


def lambdas_of(runs: Runs) -> list[float]:
    """The lambdas that models were trained with, ascending; 0 is that of imitators."""
    return sorted({dict(kind)["lambda"] for kind in runs.models if "lambda" in dict(kind)})


def imitators_of(runs: Runs) -> list[Unit]:
    """The units whose imitator was trained to its end, those from scratch first."""
    found = (
        Unit(start, seed) for start in STARTS for seed in runs.seeds(**{"lambda": 0.0}, start=start)
    )
    return list(found)


@dataclass(frozen=True)
class Sweep:
    """Imitators and adversaries on one split, compared with the `budget` of that split.

    Without a budget, only how good imitators are says whether they count.
    """

    runs: Runs
    score: ScoreOfSeeds
    budget: Budget | None

    @classmethod
    def of(cls, runs: Runs, name: ScoreName, budget: Budget | None) -> Sweep:
        """The sweep in the `runs` of one split, whose score has this name."""
        return cls(runs, ScoreOfSeeds.of(runs, runs.classes, name), budget)

    @cached_property
    def units(self) -> list[Unit]:
        """All units whose imitator was trained to its end."""
        return imitators_of(self.runs)

    @cached_property
    def usable(self) -> list[Unit]:
        """The units whose imitator keeps the budget and is better than a constant answer."""
        return [unit for unit in self.units if self._counts(Adversary(0.0, unit))]

    def has(self, one: Adversary) -> bool:
        """Whether it was trained to its end."""
        return one.unit.seed in self.runs.models.get(one.kind, {})

    def spent(self, one: Adversary) -> Spent:
        """What it has changed of the answers: arrays of one entry."""
        return spent(self.runs, one.kind, [one.unit.seed], self.score)

    def keeps(self, one: Adversary) -> bool:
        """Whether it keeps the budget in all three respects."""
        return self.budget is None or bool(self.budget.holds(self.spent(one))[0])

    def jsd(self, one: Adversary) -> float:
        """The mean JSD of its attention to the audited model's."""
        return float(self.runs.values(one.kind, [one.unit.seed], "jsd").mean())

    def own(self, unit: Unit) -> Adversary | None:
        """The unit's adversary of greatest mean JSD inside the budget; None where none is inside.

        Of equals, the one of the smallest lambda.
        """
        return max(self._inside([unit]), key=self.jsd, default=None)

    @cached_property
    def chosen(self) -> Adversary | None:
        """Of all adversaries of usable units inside the budget, the one that is chosen.

        It is the one whose excess over imitators of its kind of start has the greatest lower end.
        The greatest JSD alone would often choose a model from scratch, whose imitators scatter so
        widely that nothing can be shown of it. Where no excess has an interval, it is the one of
        greatest JSD.
        """
        found = self._inside(self.usable)
        return max(found, key=lambda one: (self._shown(one), self.jsd(one)), default=None)

    def alike(self, one: Adversary) -> list[Unit]:
        """The usable units of the same kind of start."""
        return [unit for unit in self.usable if unit.start == one.unit.start]

    def beyond_imitators(
        self,
        one: Adversary,
        figure: Callable[[Adversary], Floats],
        bounds: Bounds,
        reach: float | None = None,
    ) -> Estimate | None:
        """A figure of an adversary less its mean over usable imitators of its kind of start.

        The interval is over texts and imitators; None where there is no such imitator. `figure`
        gives the values (n,) of a model, whose difference lies inside `bounds`; for `reach` see
        `two_level`.
        """
        alike = self.alike(one)
        if not alike:
            return None
        ours = figure(one)
        values = [ours - figure(Adversary(0.0, unit)) for unit in alike]
        return two_level(figures(values, self.score.sample), bounds, reach)

    def excess(self, one: Adversary) -> Estimate | None:
        """Its JSD to the audited model beyond that of imitators, in nats, in [-.693, .693]."""
        return self.beyond_imitators(one, lambda model: self.values(model, "jsd"), EXCESS_RANGE)

    def values(self, one: Adversary, what: str) -> Floats:
        """(n,) the `jsd` or `tvd` of a model on each text."""
        found: Floats = self.runs.values(one.kind, [one.unit.seed], what)[0]
        return found

    def _inside(self, units: Sequence[Unit]) -> list[Adversary]:
        """The adversaries of these units that keep the budget, by lambda."""
        found = [Adversary(x, unit) for x in lambdas_of(self.runs) if x > 0 for unit in units]
        return [one for one in found if self.has(one) and self.keeps(one)]

    def _shown(self, one: Adversary) -> float:
        found = self.excess(one)
        return -math.inf if found is None or found.ci_low is None else found.ci_low

    def _counts(self, imitator: Adversary) -> bool:
        return self.keeps(imitator) and self._beats_a_constant(imitator)

    def _beats_a_constant(self, one: Adversary) -> bool:
        values = self.score.values(self.runs.probs(one.kind, [one.unit.seed]))[0]
        found = self.score.difference(values, self.score.constant())
        return found.value is not None and (found.ci_low or 0.0) > 0


def choose(seeds: Runs | None, adversaries: Runs | None, name: ScoreName) -> Adversary | None:
    """The one adversary that is chosen on dev; None where none keeps the budget of the seeds there.

    `seeds` are the runs of seed-baseline on dev, and `adversaries` those of the adversary. Too few
    seeds set no budget, and then none is chosen.
    """
    if seeds is None or adversaries is None or BASE not in adversaries.models:
        return None
    try:
        budget = budget_of(seeds, ScoreOfSeeds.of(seeds, seeds.classes, name))
    except ValueError:
        return None
    return Sweep.of(adversaries, name, budget).chosen
