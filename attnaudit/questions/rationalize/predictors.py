"""How well the predictors do, by what they see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Estimate
from attnaudit.questions.rationalize.kinds import kind_named
from attnaudit.questions.rationalize.names import FULL, RANDOM, in_words, places_of
from attnaudit.questions.runs import Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds

Array = NDArray[np.float64]
NO_MODEL = "no model of this kind was trained to its end"


class Predictors:
    """The predictors in some runs, by what metrics call their kinds.

    `names` are those of all kinds: full, random, and for each rationale its own and that of its
    places. Raises ValueError where models are missing: it names them.
    """

    def __init__(self, runs: Runs, scorer: ScoreOfSeeds, by: Sequence[str]) -> None:
        self.runs, self.scorer, self.by = runs, scorer, by
        self.names = [FULL, *(n for name in by for n in (name, places_of(name))), RANDOM]
        self.kinds = {name: kind_named(name) for name in self.names}
        seeds = {seed for kind in self.kinds.values() for seed in runs.tried(kind)}
        if not seeds:
            raise ValueError("there are no predictors")
        lacking = [
            f"{in_words(name)}, seed {', '.join(map(str, missing))}"
            for name, kind in self.kinds.items()
            if (missing := sorted(seeds.difference(runs.tried(kind))))
        ]
        if lacking:
            raise ValueError(f"models are missing: {'; '.join(lacking)}")

    @cached_property
    def values(self) -> dict[str, dict[int, Array]]:
        """By kind and seed: (n,) whose mean is the score of that model."""
        made: dict[str, dict[int, Array]] = {}
        for name, kind in self.kinds.items():
            seeds = sorted(self.runs.models.get(kind, {}))
            found = self.scorer.values(self.runs.probs(kind, seeds)) if seeds else ()
            made[name] = dict(zip(seeds, found, strict=True))
        return made

    def of(self, name: str) -> Array:
        """(S, n) the values of all models of a kind."""
        return np.array([*self.values[name].values()])

    def metrics(self) -> dict[str, Estimate]:
        """The score of each kind, and the gaps between kinds."""
        found = {metric_of(name): self._mean(name) for name in self.names}
        for name in self.by:
            places = places_of(name)
            for other, theirs in ((FULL, FULL), (RANDOM, RANDOM), ("positions", places)):
                found[f"rationalize.{name}-{other}.score_gap"] = self._gap(name, theirs)
            found[f"rationalize.{name}.leak_gap"] = self._over_guess(places)
        return found

    def diverged(self) -> Iterator[tuple[str, list[int]]]:
        """The kinds of which trainings diverged, in words, with their seeds."""
        for name, kind in self.kinds.items():
            if seeds := self.runs.diverged.get(kind):
                yield in_words(name), sorted(seeds)

    def _mean(self, name: str) -> Estimate:
        values = self.of(name)
        return self.scorer.mean(values) if len(values) else self._nothing

    def _gap(self, ours: str, theirs: str) -> Estimate:
        seeds = self.runs.shared_seeds([self.kinds[ours], self.kinds[theirs]])
        if not seeds:
            return self._nothing
        one, other = ([self.values[name][s] for s in seeds] for name in (ours, theirs))
        return self.scorer.gap(np.array(one), np.array(other))

    def _over_guess(self, name: str) -> Estimate:
        values = self.of(name)
        return self.scorer.gap(values, self.scorer.guess()) if len(values) else self._nothing

    @property
    def _nothing(self) -> Estimate:
        return Estimate(None, undefined=len(self.runs.gold), reason=NO_MODEL)


def metric_of(name: str) -> str:
    """The metric that is the score of a kind."""
    return f"rationalize.{name}_score" if "." in name else f"rationalize.{name}.score"
