"""How far rankings of the same words agree, instance by instance and on the whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.agreeing import agreements
from attnaudit.measures.columns import Frame, Lazy, joined
from attnaudit.measures.rank import benjamini_hochberg
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Estimate
from attnaudit.questions.correlate.metrics import SPECS
from attnaudit.questions.integrals import Integrals
from attnaudit.records.metric import range_of

Array = NDArray[np.float64]
LEVEL = 0.05  # significance per instance, and false discovery rate over instances
WAITING = 512  # texts whose figures are computed together, those of one length at once


class Agreement:
    """Attention against each importance measure, and the measures against each other.

    Records are taken in one by one, and of each only a few numbers are kept, whatever the length
    of its text. Figures have names: `NAME.tau`, `.p`, `.sig` (p <= .05), `.weighted` and `.top`
    for attention against NAME; `A~B.tau`, `.p` and `.sig` for two measures; `chance` of a top
    word. `top` is the share of words that count as top. `integrals` has what is known of the
    measures that are integrals.
    """

    def __init__(self, names: Sequence[str], top: float) -> None:
        self.names, self.top = names, top
        self.pairs = list(combinations(names, 2))
        each = [f"{n}.{figure}" for n in names for figure in ("tau", "p", "sig", "weighted", "top")]
        both = [f"{a}~{b}.{figure}" for a, b in self.pairs for figure in ("tau", "p", "sig")]
        self._columns = [*each, *both, "chance"]
        self._whole = Frame(self._columns)
        self._waiting: list[Array | None] = []  # scores (1 + names, words); None: no reading
        self.integrals = Integrals(names)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in the `attention` and `importance` of a record of `correlate`.

        A text that the reading of the attention is undefined for gives none of the figures, so that
        all are of the same texts.
        """
        self.integrals.add(record)
        scores = None
        if "no_reading" not in record:
            importance = [record["importance"][name] for name in self.names]
            scores = np.array([record["attention"], *importance], float)
        self._waiting.append(scores)
        if len(self._waiting) == WAITING:
            self._settle()

    def _settle(self) -> None:
        """Compute the figures of the texts that wait."""
        waiting, self._waiting = self._waiting, []
        figures = np.full((len(waiting), len(self._columns)), np.nan)
        by_length: dict[int, dict[int, Array]] = {}  # the scores of texts by their places
        for place, scores in enumerate(waiting):
            if scores is not None:
                by_length.setdefault(scores.shape[1], {})[place] = scores
        index = {name: i for i, name in enumerate(self.names, start=1)}
        left, right = ([index[pair[side]] for pair in self.pairs] for side in (0, 1))
        for words, texts in by_length.items():
            places, k = list(texts), max(1, math.ceil(self.top * words))
            found = agreements(np.stack(list(texts.values())), k)
            tau, p = found.tau[:, 0, 1:], found.p[:, 0, 1:]  # (texts, names)
            own = [tau, p, _significant(p), found.weighted[:, 1:], found.top[:, 1:]]
            tau, p = found.tau[:, left, right], found.p[:, left, right]  # (texts, pairs)
            among = [tau, p, _significant(p)]
            parts = [np.stack(some, axis=-1).reshape(len(places), -1) for some in (own, among)]
            chance = np.full((len(places), 1), k / words)
            figures[places] = np.concatenate([*parts, chance], axis=1)
        self._whole.extend(dict(zip(self._columns, figures.T, strict=True)), len(waiting))

    @property
    def _frame(self) -> Frame:
        """The figures of all texts."""
        if self._waiting:
            self._settle()
        return self._whole

    def __len__(self) -> int:
        return self._whole.size + len(self._waiting)

    def figure(self, name: str) -> Array:
        """(instances,) of that name, NaN where an instance leaves it undefined."""
        return self._frame[name]

    def metrics(self, sample: Sample) -> dict[str, Estimate]:
        """Every registered figure over all instances, which are those of `sample`."""
        means = sample.means(self.columns(), partial(range_of, SPECS))
        metrics: dict[str, Estimate] = {}
        for name in self.names:
            metrics |= self._taus(name, means) | {
                f"correlate.{name}.tau.significant_bh": self._discoveries(name),
            }
            for figure in ("weighted_tau.mean", "top_overlap.mean"):
                metric = f"correlate.{name}.{figure}"
                metrics[metric] = _explained(means[metric])
            chance = f"correlate.{name}.top_overlap.chance"
            metrics[chance] = means[chance]
        for a, b in self.pairs:
            metrics |= self._taus(f"{a}~{b}", means)
        return metrics | {name: means[name] for name in self.integrals.metrics()}

    def columns(self) -> Mapping[str, Array]:
        """(instances,) by the name of the metric that is their mean; NaN where undefined."""
        figures = {}
        for name in self.names:
            figures[f"correlate.{name}.weighted_tau.mean"] = f"{name}.weighted"
            figures[f"correlate.{name}.top_overlap.mean"] = f"{name}.top"
            figures[f"correlate.{name}.top_overlap.chance"] = "chance"
        for key in (*self.names, *(f"{a}~{b}" for a, b in self.pairs)):
            figures[f"correlate.{key}.tau.mean"] = f"{key}.tau"
            figures[f"correlate.{key}.tau.significant"] = f"{key}.sig"
        own = Lazy(figures, lambda metric: self.figure(figures[metric]))
        return joined(own, self._of_integrals())

    def _of_integrals(self) -> Lazy:
        figures = self.integrals.metrics()
        return Lazy(figures, lambda metric: self.integrals.figure(figures[metric]))

    def _taus(self, key: str, means: Mapping[str, Estimate]) -> dict[str, Estimate]:
        return {
            f"correlate.{key}.tau.mean": _explained(means[f"correlate.{key}.tau.mean"]),
            f"correlate.{key}.tau.std": deviation(self.figure(f"{key}.tau")),
            f"correlate.{key}.tau.significant": _explained(
                means[f"correlate.{key}.tau.significant"]
            ),
        }

    def _discoveries(self, name: str) -> Estimate:
        p = self.figure(f"{name}.p")
        n = int((~np.isnan(p)).sum())
        if not n:
            return _explained(Estimate(None, undefined=len(p)))
        found = float(benjamini_hochberg(p, LEVEL).sum() / n)
        return Estimate(found, n=n, undefined=len(p) - n)


def deviation(values: Array) -> Estimate:
    """The standard deviation (n - 1) of the defined values."""
    defined = values[~np.isnan(values)]
    undefined = len(values) - len(defined)
    if len(defined) < 2:
        return Estimate(None, undefined=undefined, reason="fewer than two texts gave a value")
    return Estimate(float(defined.std(ddof=1)), n=len(defined), undefined=undefined)


def _significant(p: Array) -> Array:
    return np.where(np.isnan(p), np.nan, p <= LEVEL)


def _explained(estimate: Estimate) -> Estimate:
    """The estimate, with the reason why a rank correlation has no value at all."""
    if estimate.value is not None:
        return estimate
    return Estimate(
        None,
        undefined=estimate.undefined,
        reason="in every text, attention or importance is undefined or the same for all words",
    )
