"""F1 of several trained models, and the gap between two kinds of them, over seeds and instances.

Questions and findings take the same figures from here, so that each has one interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.influence import f1_reach, f1_values
from attnaudit.measures.sample import Linear, Sample
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.runs import Runs
from attnaudit.records.metric import UNIT

Array = NDArray[np.float64]


@dataclass(frozen=True)
class F1OfSeeds:
    """F1 on instances of gold classes `gold` (n,), which are those of `sample`."""

    gold: NDArray[np.int64]
    classes: int
    sample: Sample

    @classmethod
    def of(cls, runs: Runs, classes: int) -> F1OfSeeds:
        """F1 on the instances of trained models."""
        return cls(np.array(runs.gold), classes, runs.sample())

    def values(self, predicted: ArrayLike) -> Array:
        """(S, n) whose row means are the F1 of models that predict `predicted` (S, n)."""
        return f1_values(self.gold, predicted, self.classes)

    def mean(self, values: Array) -> Estimate:
        """The mean over seeds of their F1, in [0, 1], from `values` (S, n)."""
        return two_level(figures(values, self.sample), UNIT, self._reach)

    def gap(self, ours: Array, theirs: Array) -> Estimate:
        """F1 of one kind of model less that of another, in [-1, 1], paired by seed; (S, n) each."""
        return two_level(figures(ours - theirs, self.sample), (-1.0, 1.0), self._reach)

    def difference(self, ours: Array, theirs: Array) -> Estimate:
        """F1 of one model less that of another, in [-1, 1], over instances alone; (n,) each."""
        values = ours - theirs
        if np.isnan(values).any():
            return self.sample.score(None, (-1.0, 1.0))
        return self.sample.score(Linear(values, self.sample.n / self._reach), (-1.0, 1.0))

    @property
    def _reach(self) -> float:
        return f1_reach(self.gold, self.classes)
