"""Units of work that can be done anywhere and again, and what becomes of them.

A unit says by a small value what it is; a function makes its result of it. Where that function runs
is the business of an `Engine`: here, in processes of this machine, or on a cluster. Results come in
any order, so that they must not depend on it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from attnaudit.errors import AuditError

ATTEMPTS = 3  # how often a unit may fail
_HOPELESS = 3  # so many units failed for good and none went well: the others will not either
R = TypeVar("R")


@dataclass(frozen=True)
class Unit:
    """A piece of work.

    `what` is what the function is told, a small value that any process can be sent; `key` is a
    digest of everything that its result depends on, so that equal keys mean equal results.
    """

    key: str
    what: Any


@dataclass(frozen=True)
class Failure:
    """A unit that was tried ATTEMPTS times, and the last error."""

    unit: Unit
    error: Exception


class WorkerDiedError(Exception):
    """The process that worked on a unit is gone: killed, out of memory, or crashed."""


class Engine(Protocol):
    """Where units are worked on."""

    @property
    def size(self) -> int:
        """How many units are worked on at once."""

    def outcomes(
        self, function: Callable[[Any], R], units: Iterator[Unit]
    ) -> Iterator[tuple[Unit, R | Exception]]:
        """Each unit with what `function` makes of its `what`, or with the error it ended in.

        Units are taken from the iterator as there is room for them. `function` can be sent to
        another process. A worker that dies is replaced; its unit ends in WorkerDiedError.
        """

    def close(self) -> None:
        """End the workers, even if they are still working."""


class Here:
    """This very process, one unit after the other."""

    size: int = 1

    def outcomes(
        self, function: Callable[[Any], R], units: Iterator[Unit]
    ) -> Iterator[tuple[Unit, R | Exception]]:
        """See `Engine`."""
        for unit in units:
            try:
                result = function(unit.what)
            except Exception as error:
                yield unit, error
            else:
                yield unit, result

    def close(self) -> None:
        """Nothing."""


def carry_out(
    engine: Engine, function: Callable[[Any], R], units: Iterable[Unit]
) -> Iterator[tuple[Unit, R | Failure]]:
    """Every unit with its result, or with the failure it ended in after ATTEMPTS errors.

    An AuditError is nothing that another attempt would mend: it is raised at once. So is the error
    of the first units if every one of them fails.
    """
    waiting = deque(units)
    failed: Counter[str] = Counter()
    lost, done = 0, False

    def feed() -> Iterator[Unit]:
        while waiting:
            yield waiting.popleft()

    while waiting:
        for unit, outcome in engine.outcomes(function, feed()):
            if not isinstance(outcome, Exception):
                done = True
                yield unit, outcome
                continue
            if isinstance(outcome, AuditError):
                raise outcome
            failed[unit.key] += 1
            if failed[unit.key] < ATTEMPTS:
                waiting.append(unit)
                continue
            lost += 1
            if lost == _HOPELESS and not done:
                raise outcome
            yield unit, Failure(unit, outcome)


class UnfinishedError(AuditError):
    """Some units failed for good; the results of all others are kept."""


def named(names: Sequence[str], most: int = 20) -> str:
    """Names in a row, the first ones where there are too many to read."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")
