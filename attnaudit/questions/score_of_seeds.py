"""The score of several trained models, and the gap between two kinds of them.

The score is macro-F1 unless another is asked for: it does not depend on the order of the classes.
Questions and findings take the same figures from here, so that each has one interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures import influence
from attnaudit.measures.limits import LEVEL
from attnaudit.measures.power import Components, components
from attnaudit.measures.sample import Linear, Sample
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.runs import Runs
from attnaudit.questions.scored import IN_WORDS, ScoreName
from attnaudit.records.metric import UNIT

Array = NDArray[np.float64]
GAP = (-1.0, 1.0)


@dataclass(frozen=True)
class ScoreOfSeeds:
    """A score on instances of gold classes `gold` (n,), which are those of `sample`."""

    gold: NDArray[np.int64]
    classes: int
    sample: Sample
    name: ScoreName = "macro_f1"

    @classmethod
    def of(cls, runs: Runs, classes: int, name: ScoreName = "macro_f1") -> ScoreOfSeeds:
        """The score on the instances of trained models."""
        return cls(np.array(runs.gold), classes, runs.sample(), name)

    @property
    def words(self) -> str:
        """What the score is called."""
        return IN_WORDS[self.name]

    def values(self, probs: ArrayLike) -> Array:
        """(S, n) whose row means are the scores of models that answer `probs` (S, n, classes).

        In [0, 1], higher is better; NaN where a score is undefined.
        """
        probs = np.asarray(probs, np.float64)
        if self.name in ("macro_f1", "f1"):
            macro = self.name == "macro_f1"
            return influence.f1_values(self.gold, probs.argmax(-1), self.classes, macro)
        if self.name == "accuracy":
            right: Array = (probs.argmax(-1) == self.gold).astype(np.float64)
            return right
        return np.array([self._ranked(one) for one in probs])

    def mean(self, values: Array) -> Estimate:
        """The mean over seeds of their score, in [0, 1], from `values` (S, n)."""
        return two_level(figures(values, self.sample), UNIT, self._reach)

    def of_one(self, values: Array) -> Estimate:
        """The score of a single model, in [0, 1], over instances alone, from its `values` (n,)."""
        if np.isnan(values).any():
            return self.sample.score(None, UNIT)
        return self.sample.score(Linear(values, self.sample.n / self._reach), UNIT)

    def gap(self, ours: Array, theirs: Array, level: float = LEVEL) -> Estimate:
        """The score of one kind of model less that of another, in [-1, 1], paired by seed.

        Both are (S, n), of `values`; `level` is that of the interval.
        """
        return two_level(figures(ours - theirs, self.sample), GAP, self._reach, level)

    def gap_parts(self, ours: Array, theirs: Array, level: float = LEVEL) -> Components | None:
        """The parts of the variance of `gap`; None where it has no interval."""
        return components(figures(ours - theirs, self.sample), self._reach, level=level)

    def difference(self, ours: Array, theirs: Array) -> Estimate:
        """The score of one model less that of another, in [-1, 1], over instances alone.

        Both are (n,), rows of `values`.
        """
        values = ours - theirs
        if np.isnan(values).any():
            return self.sample.score(None, GAP)
        return self.sample.score(Linear(values, self.sample.n / self._reach), GAP)

    def guess(self) -> Array:
        """(n,) the best score of answers that do not depend on the text.

        For macro-F1 that is a class at random, each as often as it occurs: 1 / C for C classes. If
        a class of share p is guessed with chance q, its expected F1 is 2 p q / (p + q), which is
        concave in q, and the slopes of all classes are equal (1/2) at q = p. For the other scores
        it is a constant answer.
        """
        if self.name == "macro_f1":
            return np.full(len(self.gold), 1 / self.classes)
        return self.constant()

    def constant(self) -> Array:
        """(n,) the score of the best constant answer."""
        answers = np.tile(np.eye(self.classes)[:, None], (1, len(self.gold), 1))  # (C, n, C)
        guesses = self.values(answers)
        best: Array = guesses[int(np.nanargmax(guesses.mean(1)))]
        return best

    def _ranked(self, probs: Array) -> Array:
        """(n,) the mean of one class against the rest; two classes have one such figure."""
        classes = [1] if self.classes == 2 else range(self.classes)
        found = [self._of_class(c, probs[:, c]) for c in classes]
        known = [values for values in found if values is not None]
        if not known:
            return np.full(len(self.gold), np.nan)
        mean: Array = np.mean(known, axis=0)
        return mean

    def _of_class(self, scored: int, shown: Array) -> Array | None:
        gold = (self.gold == scored).astype(np.int64)
        if self.name == "auprc":
            return influence.average_precision(gold, shown)
        found = influence.auroc(gold, shown)
        return None if found is None else found.values

    @property
    def _reach(self) -> float:
        """How far instances of another kind can move the score, times their share."""
        if self.name in ("macro_f1", "f1"):
            return influence.f1_reach(self.gold, self.classes, self.name == "macro_f1")
        if self.name == "accuracy":
            return 1.0
        return len(self.gold) / influence.auroc_draws(self.gold, self.classes)
