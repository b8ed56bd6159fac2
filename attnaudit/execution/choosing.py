"""An engine that chooses how many processes share a piece of work.

A worker takes seconds to start and to load what it works on, so that short work is done sooner by
one process. Results are the same bits whatever is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

from attnaudit.execution.machine import cores, free_bytes
from attnaudit.execution.observer import Observer
from attnaudit.execution.processes import Processes
from attnaudit.execution.units import Engine, Here

LEAST = 15.0  # seconds of work for each worker: it takes a third of that to begin


@dataclass(frozen=True)
class Load:
    """A piece of work: so many units, which take one process about so many seconds.

    Each worker takes so many bytes of memory, if that is known, and computes with `threads`.
    """

    units: int
    seconds: float
    worker_bytes: int | None = None
    threads: int = 1


class Choosing(Here):
    """This process, or several where that is faster; `size` is the most that were chosen so far.

    As an engine it is this process. `choose` gives the one for a piece of work.
    """

    def __init__(self, observer: Observer) -> None:
        self.size = 1
        self._observer, self._processes = observer, Processes(1)
        self._told = ""

    def choose(self, load: Load) -> Engine:
        """Where this work is done: as many processes as there are cores and memory for.

        They are started when work is given to them. Those that work stay: later work goes to them,
        too, since they begin at once.
        """
        wanted, count = self._wanted(load), self.count(load)
        if wanted > count:
            self._tell(f"the work is done by {_many(count)}: there is no memory for more")
        elif count > self.size:
            self._tell(
                f"{_many(count)} share the work, which would take one about"
                f" {load.seconds:.0f} seconds or longer; --workers sets another number"
            )
        if count == 1:
            return self
        self.size = self._processes.size = count
        return self._processes

    def count(self, load: Load) -> int:
        """How many processes `choose` would give this work."""
        return max(self.size, min(self._wanted(load), _fitting(load.worker_bytes)))

    def _wanted(self, load: Load) -> int:
        room, most = cores() // load.threads, int(load.seconds // LEAST)
        return max(self.size, min(room, load.units, most))

    def close(self) -> None:
        """See `Engine`."""
        self._processes.close()

    def _tell(self, remark: str) -> None:
        if remark != self._told:
            self._told = remark
            self._observer.say(remark)


def _fitting(each: int | None) -> int:
    """For how many workers there is memory."""
    free = free_bytes()
    return max(1, free // each) if free is not None and each else 10**6


def _many(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"
