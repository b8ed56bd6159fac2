"""The TVD-JSD curve: how far other models' attention lies from the audited one's, and at what cost.

Two questions draw it: the model-consistent adversary where it was asked, else the seeds. Whichever
it is adds the models of the other questions that were asked beside it. (Wiegreffe & Pinter 2019.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, get_args

from attnaudit.measures.summary import Cell, Summary

Kind = Literal["text", "lambda", "seed", "uniform"]  # in the order of the points
_INSTANCE = "adversary.instance"


@dataclass(frozen=True)
class Point:
    """A model on the TVD-JSD plane: means over the instances of the audited split."""

    kind: Kind
    jsd: float
    tvd: float
    strength: float | None = None  # lambda
    seed: int | None = None

    @property
    def imitator(self) -> bool:
        """Whether nothing pushed its attention away: lambda 0."""
        return self.kind == "lambda" and self.strength == 0


def curve_points(summaries: Mapping[str, Summary]) -> list[Point]:
    """One point a model of the questions in `summaries`, by kind, lambda and seed.

    Empty where there is no other model: the adversary per instance alone makes no curve.
    """
    points = [point for summary in summaries.values() for point in _points(summary)]
    if all(point.kind == "text" for point in points):
        return []
    kinds = get_args(Kind)
    return sorted(points, key=lambda p: (kinds.index(p.kind), p.strength or 0.0, p.seed or 0))


def _points(summary: Summary) -> Iterator[Point]:
    """The models in one summary: each row of its table of models, and the adversary per instance.

    Models of which something is undefined have no place on the plane.
    """
    for row in summary.rows("adversary.seeds"):
        strength, seed = float(str(row["lambda"])), _number(row["seed"])
        yield from _point("lambda", row["JSD"], row["TVD"], strength, seed)
    kinds: tuple[Kind, ...] = ("seed", "uniform")
    for row in summary.rows("seed_baseline.runs"):
        named, _, number = str(row["model"]).partition(" ")
        for kind in kinds:
            if kind == named:
                yield from _point(kind, row["JSD"], row["TVD"], None, int(number))
    jsd, tvd = (summary.metrics.get(f"{_INSTANCE}.{what}.mean") for what in ("jsd", "tvd"))
    if jsd and tvd:
        yield from _point("text", jsd.value, tvd.value)


def _point(
    kind: Kind,
    jsd: Cell,
    tvd: Cell,
    strength: float | None = None,
    seed: int | None = None,
) -> Iterator[Point]:
    if isinstance(jsd, float) and isinstance(tvd, float):
        yield Point(kind, jsd, tvd, strength, seed)


def _number(cell: Cell) -> int:
    assert isinstance(cell, int)
    return cell


def by_lambda(points: Sequence[Point]) -> list[Point]:
    """The mean over seeds at each lambda, from the least lambda to the largest."""
    runs: dict[float, list[Point]] = defaultdict(list)
    for point in points:
        if point.kind == "lambda" and point.strength is not None:
            runs[point.strength].append(point)
    return [
        Point("lambda", fmean(p.jsd for p in found), fmean(p.tvd for p in found), strength)
        for strength, found in sorted(runs.items())
    ]
