"""What the figures plot, gathered record by record: nothing here draws.

Each gatherer takes the records of one file or of several through `add`, passes over those that do
not concern it, and afterwards holds small arrays. Records without the fields of a figure leave its
gatherer empty, and the figure is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.bins import bin_of
from attnaudit.measures.rank import kendall_matrix
from attnaudit.measures.scores import f1

Array = NDArray[np.float64]
Record = Mapping[str, Any]

MEASURES = ("gradient", "leave_one_out")  # those that Jain & Wallace (2019) draw
_GRID = 60  # points of a density


def density(values: Array) -> tuple[Array, Array] | None:
    """A Gaussian kernel density, cut at the least and the largest value; its peak is 1.

    Bandwidth by Scott's rule. None for fewer than three values or for equal ones, which have no
    shape.
    """
    spread = float(values.std(ddof=1)) if len(values) > 2 else 0.0
    if spread == 0:
        return None
    width = spread * len(values) ** -0.2
    grid = np.linspace(values.min(), values.max(), _GRID)
    height = np.zeros(_GRID)
    for start in range(0, len(values), 4096):
        distance = (grid[:, None] - values[start : start + 4096]) / width  # (grid, values)
        height += np.exp(-0.5 * distance**2).sum(1)
    return grid, height / height.max()


class Taus:
    """Kendall's tau of attention with each importance measure, by predicted class."""

    def __init__(self) -> None:
        self._found: dict[str, list[tuple[int, float]]] = defaultdict(list)

    def add(self, record: Record) -> None:
        """Take in a record of `correlate`."""
        importance = record.get("importance", {})
        names = [name for name in MEASURES if name in importance]
        if not names or "attention" not in record:
            return
        scores = [record["attention"], *(importance[name] for name in names)]
        tau, _ = kendall_matrix(np.array(scores, np.float64))
        for name, value in zip(names, tau[0, 1:], strict=True):
            self._found[name].append((record["predicted"], float(value)))

    def by_class(self, measure: str) -> dict[int, Array]:
        """The defined taus of each predicted class, empty where there is none."""
        return _by_class((c, tau) for c, tau in self._found.get(measure, ()) if not np.isnan(tau))


class Spread:
    """One figure an instance, by its largest attention weight and predicted class.

    `field` says which: `permute` the median TVD under permutation, `instance` the JSD of the
    adversary per instance, `seeds` the JSD to the models of other seeds, median over seeds.
    """

    def __init__(self, what: Literal["permute", "instance", "seeds"], split: str) -> None:
        self.what, self.split = what, split
        self._base: dict[int, tuple[int, float]] = {}  # row -> predicted class, largest weight
        self._values: dict[int, list[float]] = defaultdict(list)

    def add(self, record: Record) -> None:
        """Take in a record of any audit."""
        run, row = record.get("run"), record["row"]
        if run is not None and run.get("split", self.split) != self.split:
            return
        largest = record.get("max_attention")
        if largest is None and record.get("attention"):
            largest = max(record["attention"])
        if (run is None or run.get("model") == "base") and largest is not None:
            self._base[row] = (record["predicted"], largest)
        value = self._value(record, run)
        if value is not None:
            self._values[row].append(value)

    def _value(self, record: Record, run: Record | None) -> float | None:
        value: float | None = None
        if self.what == "seeds":
            if run is not None and run.get("model") == "seed":
                value = record.get("jsd")
        elif run is None and self.what == "permute":
            value = record.get("tvd", {}).get("median")
        elif run is None:
            value = (record.get("adversary") or [{}])[0].get("jsd")
        return value

    def cells(self) -> dict[tuple[int, int], Array]:
        """The values of each (bin, predicted class) that has any."""
        found: dict[tuple[int, int], list[float]] = defaultdict(list)
        for row, values in self._values.items():
            if row in self._base:
                predicted, largest = self._base[row]
                place = int(bin_of(largest))
                found[place, predicted].append(float(np.median(values)))
        return {key: np.array(found[key]) for key in sorted(found)}


@dataclass(frozen=True)
class Point:
    """A model on the TVD-JSD plane: means over the instances of the audited split."""

    kind: Literal["lambda", "seed", "uniform", "instance"]
    jsd: float
    tvd: float
    strength: float | None = None  # lambda
    seed: int | None = None

    @property
    def imitator(self) -> bool:
        """Whether nothing pushed its attention away: lambda 0."""
        return self.kind == "lambda" and self.strength == 0


class Curve:
    """The mean JSD and TVD to the audited model of every other model (Wiegreffe & Pinter 2019)."""

    def __init__(self, split: str) -> None:
        self.split = split
        self._sums: dict[tuple[Any, ...], list[float]] = {}  # -> JSD, TVD, instances

    def add(self, record: Record) -> None:
        """Take in a record of `adversary` or `seed-baseline`."""
        key, source = self._key(record)
        if key is None or source.get("jsd") is None or source.get("tvd") is None:
            return
        sums = self._sums.setdefault(key, [0.0, 0.0, 0.0])
        for k, amount in enumerate((source["jsd"], source["tvd"], 1.0)):
            sums[k] += amount

    def _key(self, record: Record) -> tuple[tuple[Any, ...] | None, Record]:
        run = record.get("run")
        if run is None:
            return ("instance", None, None), (record.get("adversary") or [{}])[0]
        if run.get("split", self.split) != self.split:
            return None, record
        if "lambda" in run:
            return ("lambda", run["lambda"], run.get("seed")), record
        kind = run.get("model")
        return ((kind, None, run.get("seed")) if kind in ("seed", "uniform") else None), record

    def points(self) -> list[Point]:
        """One point a model, by kind, lambda and seed."""
        made = [
            Point(kind, jsd / n, tvd / n, strength, seed)
            for (kind, strength, seed), (jsd, tvd, n) in self._sums.items()
        ]
        return sorted(made, key=lambda p: (p.kind, p.strength or 0.0, p.seed or 0))

    def by_lambda(self) -> list[Point]:
        """The mean over seeds at each lambda, from the least lambda to the largest."""
        runs: dict[float, list[Point]] = defaultdict(list)
        for point in self.points():
            if point.kind == "lambda" and point.strength is not None:
                runs[point.strength].append(point)
        return [
            Point("lambda", fmean(p.jsd for p in found), fmean(p.tvd for p in found), strength)
            for strength, found in sorted(runs.items())
        ]


class Scores:
    """F1 of every model of a kind on the audited split."""

    def __init__(self, split: str) -> None:
        self.split = split
        self._answers: dict[tuple[str, Any], tuple[list[int], list[list[float]]]] = {}

    def add(self, record: Record) -> None:
        """Take in a record of `seed-baseline` or `probe`."""
        run = record.get("run") or {}
        # The guide `base` is a probe with the audited model's weights, not that model.
        kind = f"guide {run['guide']}" if "guide" in run else run.get("model")
        if kind is None or "probs" not in record or run.get("split", self.split) != self.split:
            return
        gold, probs = self._answers.setdefault((kind, run.get("seed")), ([], []))
        gold.append(record["gold"])
        probs.append(record["probs"])

    def by_kind(self) -> dict[str, Array]:
        """The scores of each kind of model, in the order met; class 1 of two, else macro."""
        found: dict[str, list[float]] = defaultdict(list)
        for (kind, _), (gold, probs) in self._answers.items():
            score = f1(gold, probs)
            if score is not None:
                found[kind].append(score)
        return {kind: np.array(scores) for kind, scores in found.items()}


def _by_class(pairs: Any) -> dict[int, Array]:
    found: dict[int, list[float]] = defaultdict(list)
    for predicted, value in pairs:
        found[predicted].append(value)
    return {c: np.array(found[c]) for c in sorted(found)}
