"""Times of all sides of a case in turn, and what follows from them.

CPU seconds of one thread, of this process and of those it has waited for, are the basis of every
ratio: a machine that others use stretches wall time. All sides take their turns in each round, in
one process, so that whatever slows the machine for a while slows all of them. A side that is
quick is called many times in its turn.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tests.benchmarks.case import BESIDE, Call, Case, Side, Target, cpu_seconds

LEAST = 0.05  # CPU seconds of a turn; the clock of a process is good to microseconds
PEAK_SIZE = 1024  # of the square float32 matrices whose product measures the peak
ONEDNN = "_linear_pointwise"


@dataclass(frozen=True)
class Spread:
    """Median and quartiles over the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Any) -> Spread:
        """The spread of some values."""
        low, median, high = np.quantile(np.asarray(values, float), [0.25, 0.5, 0.75]).tolist()
        return cls(median, low, high)


@dataclass
class Cost:
    """What one side takes a unit: seconds of CPU and of wall, by round; memory in MiB.

    `peak` is that of a fresh process that does the work once, `above` how far it lies over what
    stood in memory before. `ratio` is the side's CPU cost over ours, None for our own.
    """

    cpu: Spread
    wall: Spread
    ratio: Spread | None = None
    peak: float | None = None
    above: float | None = None


@dataclass
class Judged:
    """A target with what was measured."""

    figure: str
    says: str
    value: float
    met: bool


@dataclass
class Result:
    """What was measured of a case, or why it was not: `skipped`, `disagreement` or `failure`."""

    benchmark: str
    case: str
    size: Mapping[str, int] = field(default_factory=dict)
    unit: str = ""
    rounds: int = 0
    ours: Cost | None = None
    rivals: dict[str, Cost] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    targets: list[Judged] = field(default_factory=list)
    skipped: str | None = None
    disagreement: str | None = None
    failure: str | None = None

    def judge(self, targets: tuple[Target, ...]) -> None:
        """Hold the figures against the targets; those that were not measured are left out."""
        for target in targets:
            if target.figure not in self.figures:
                continue
            value = self.figures[target.figure]
            self.targets.append(Judged(target.figure, str(target), value, target.met(value)))

    def as_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Turn:
    cpu: float
    wall: float


def _turn(call: Call, times: int, units: float, clock: Callable[[], float] = cpu_seconds) -> _Turn:
    wall, cpu = time.perf_counter(), clock()
    for _ in range(times):
        call()
    done = times * units
    return _Turn((clock() - cpu) / done, (time.perf_counter() - wall) / done)


def measure(benchmark: str, name: str, case: Case, rounds: int) -> Result:
    """Run all sides of a case once, compare what they give, and then time them in rounds.

    Where the case allows no rounds, that one call is what is timed.

    Raises DisagreementError where a rival has computed something else.
    """
    rounds = rounds if case.rounds is None else min(rounds, case.rounds)
    sides: dict[str, Side] = {"": case.ours, **case.rivals}
    given: dict[str, Any] = {}
    turns: dict[str, list[_Turn]] = {}

    def first(label: str) -> None:
        given[label] = sides[label].call()

    for label, side in sides.items():
        turns[label] = [_turn(functools.partial(first, label), 1, side.units, side.clock)]
    for label, rival in case.rivals.items():
        rival.agree(given[""], given[label])
    figures = dict(case.figures(given[""])) if case.figures else {}
    if case.figures and BESIDE in given:
        theirs = case.figures(given[BESIDE])
        figures |= {f"{figure}, {BESIDE}": value for figure, value in theirs.items()}
    given.clear()

    # The first call has warmed up, and tells how often a turn should repeat it.
    times = {
        label: max(1, math.ceil(LEAST / max(turns[label][0].cpu * side.units, 1e-7)))
        for label, side in sides.items()
    }
    peaks: list[tuple[float, float]] = []
    if rounds:
        turns = {label: [] for label in sides}
    for _ in range(rounds):
        if case.flops is not None:
            peaks.append(matmul_peak())
        for label, side in sides.items():
            turns[label].append(_turn(side.call, times[label], side.units, side.clock))
    result = Result(benchmark, name, dict(case.size), case.unit, rounds, figures=figures)
    result.ours = _cost(turns[""])
    for label in case.rivals:
        cost = _cost(turns[label])
        pairs = zip(turns[label], turns[""], strict=True)
        each = Spread.of([theirs.cpu / ours.cpu for theirs, ours in pairs])
        cost.ratio = Spread(cost.cpu.median / result.ours.cpu.median, each.low, each.high)
        result.rivals[label] = cost
        result.figures[f"ratio: {label}"] = cost.ratio.median
        result.figures[f"share of {label}"] = 1 / cost.ratio.median
        result.figures[f"wall ratio: {label}"] = cost.wall.median / result.ours.wall.median
    result.figures["milliseconds"] = 1e3 * result.ours.cpu.median
    if case.derived:
        result.figures |= case.derived(result.figures)
    if case.flops is not None and peaks:
        rates = np.array([case.flops / turn.cpu for turn in turns[""]])
        best, usual = np.array(peaks).T
        result.figures["matmul GF/s"] = float(np.median(best)) / 1e9
        result.figures["of torch.mm"] = float(np.median(usual)) / 1e9
        result.figures["share of the matmul peak"] = float(np.median(rates / best))
        result.figures["share of the peak of torch.mm"] = float(np.median(rates / usual))
    result.judge(case.targets)
    return result


def _cost(turns: list[_Turn]) -> Cost:
    return Cost(Spread.of([t.cpu for t in turns]), Spread.of([t.wall for t in turns]))


def matmul_peak() -> tuple[float, float]:
    """Floating-point operations a second of a large float32 matrix product, on one thread.

    Of the faster one of the two libraries that torch has for it, and of `torch.mm`: on some CPUs
    torch does not choose the faster one.
    """
    import torch

    a = torch.ones(PEAK_SIZE, PEAK_SIZE)
    products: list[Call] = [lambda: torch.mm(a, a)]
    if torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, ONEDNN):
        linear = getattr(torch.ops.mkldnn, ONEDNN)
        products.append(lambda: linear(a, a, None, "none", [], ""))
    rates = [2 * PEAK_SIZE**3 / _turn(product, times=4, units=1).cpu for product in products]
    return max(rates), rates[0]
