"""What a benchmark is made of: the same work done by us and by rivals, and what is aimed at."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Call = Callable[[], Any]
BESIDE = "another checkout"  # as a rival: the same work by the package that stands there
UNRIVALLED = ("the matmul peak",)  # what a share is of that is no rival
OF_RIVALS = ("ratio: ", "wall ratio: ", "share of ")  # figures that name the rival


class AbsentError(Exception):
    """A benchmark needs data or a package that is not here; its message says which."""


class DisagreementError(Exception):
    """Two sides of a benchmark have computed different things."""


def cpu_seconds() -> float:
    """CPU seconds of this process so far, and of those it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@dataclass(frozen=True)
class Side:
    """One way to a result; `call` does `units` units of the work.

    A slow rival may do fewer units than ours: costs are compared by the unit. `brief` stands for
    the call where memory is measured, for work that goes on for minutes at the same peak. `clock`
    reads the CPU seconds of the process that does the work, where that is not this one.
    """

    call: Call
    units: float = 1
    brief: Call | None = None
    clock: Callable[[], float] = cpu_seconds


@dataclass(frozen=True)
class Rival(Side):
    """Another way to our result; `agree(ours, theirs)` raises DisagreementError if it differs."""

    agree: Callable[[Any, Any], None] = field(kw_only=True)


@dataclass(frozen=True)
class Target:
    """A bound on a figure of a result, such as `ratio: the loop` of a rival's cost to ours.

    The figure names the rival. Where there is none, it says what the bound is in.
    """

    figure: str
    bound: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        """Whether a value keeps to the bound."""
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{self.figure} {'at most' if self.at_most else 'at least'} {self.bound:g}"


@dataclass(frozen=True)
class Case:
    """A benchmark at one size.

    `size` names what grows (`tokens`, `instances`); `unit` is what costs are counted by; `flops`
    are the useful floating-point operations of one unit, where a share of the peak makes sense;
    `figures` reads further figures off our result, and off that of another checkout, where there is
    one; `derived` makes further figures of all that were measured. `rounds` is a limit for what
    takes long: with 0 the first call of each side is what is timed. `same(ours, theirs)` raises
    DisagreementError where another checkout gives another result; None: it may. `memory` says
    whether the work is done in one process, whose memory then says something.
    """

    size: Mapping[str, int]
    unit: str
    ours: Side
    rivals: Mapping[str, Rival] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    flops: float | None = None
    figures: Callable[[Any], Mapping[str, float]] | None = None
    rounds: int | None = None
    derived: Callable[[Mapping[str, float]], Mapping[str, float]] | None = None
    same: Callable[[Any, Any], None] | None = None
    memory: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError for a target that names a rival which is not there."""
        for target in self.targets:
            for begin in OF_RIVALS:
                rival = target.figure.removeprefix(begin)
                if rival not in (target.figure, BESIDE, *self.rivals, *UNRIVALLED):
                    raise ValueError(f"the target {target.figure!r} names no rival of the case")


Build = Callable[[], Case]


@dataclass(frozen=True)
class Benchmark:
    """Cases by name, each built only when its turn comes; what is large is `asked` for by name."""

    name: str
    about: str
    cases: Callable[[bool], Mapping[str, Build]]  # of a toy size, or of full size
    asked: bool = False
    over_all: Callable[[list[Any]], Any] | None = None  # a result on the results of all cases
