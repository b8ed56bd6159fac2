"""Worker processes of this machine, each with one unit at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from attnaudit.execution.collector import COLLECTOR
from attnaudit.execution.units import Unit, WorkerDiedError

R = TypeVar("R")


class Processes:
    """`size` processes, started when they are first needed and replaced when they die.

    They are started afresh (spawn): a copy of a process that has used torch would hang on its
    threads. They end with this process, even where it is killed.
    """

    def __init__(self, size: int) -> None:
        self.size = size  # may grow from one call of `outcomes` to the next
        self._workers: dict[int, _Worker] = {}

    def outcomes(
        self, function: Callable[[Any], R], units: Iterator[Unit]
    ) -> Iterator[tuple[Unit, R | Exception]]:
        """See `Engine`."""
        idle, busy = list(range(self.size)), dict[int, Unit]()
        while True:
            while idle and (unit := next(units, None)) is not None:
                slot = idle.pop()
                busy[slot] = unit
                self._worker(slot).begin(function, unit.what)
            if not busy:
                return
            for slot in self._finished(busy):
                unit, worker = busy.pop(slot), self._worker(slot)
                idle.append(slot)
                try:
                    outcome = worker.result()
                except EOFError:
                    del self._workers[slot]
                    outcome = WorkerDiedError(f"its worker ended with {worker.ending()}")
                yield unit, outcome

    def close(self) -> None:
        """See `Engine`."""
        for worker in self._workers.values():
            worker.end()
        self._workers.clear()

    def _worker(self, slot: int) -> _Worker:
        if slot not in self._workers:
            self._workers[slot] = _Worker()
        return self._workers[slot]

    def _finished(self, busy: dict[int, Unit]) -> list[int]:
        slots = {self._worker(slot).pipe: slot for slot in busy}
        return [slots[pipe] for pipe in wait(list(slots)) if isinstance(pipe, Connection)]


@contextmanager
def _safe_path() -> Iterator[None]:
    """A process that is started within does not look for modules in its working folder.

    Without it a random.py there would take the place of Python's own while the process starts.
    Python 3.10 has no such wish.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTHONSAFEPATH"]
        if before is not None:
            os.environ["PYTHONSAFEPATH"] = before


class _Worker:
    """One process and the pipe to it; the pipe ends when the process does."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _safe_path():
            self._process.start()
        theirs.close()  # else the pipe would never end

    def begin(self, function: Callable[[Any], Any], what: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it died: `result` will tell
            self.pipe.send((function, what))

    def result(self) -> Any:
        """What the function gave, or the exception it raised; raises EOFError if it died."""
        try:
            outcome, trace = self.pipe.recv()
        except ConnectionResetError:
            raise EOFError from None
        if isinstance(outcome, Exception):
            outcome.__cause__ = _TracebackError(trace)
        return outcome

    def ending(self) -> str:
        """How the process ended, in words."""
        self._process.join()
        code = self._process.exitcode
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return f"exit code {code}"

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()


class _TracebackError(Exception):
    """Where in a worker an error arose, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _serve(pipe: Connection) -> None:
    """The life of a worker: one call after the other, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError), COLLECTOR.put_off():  # what it is asked for first imports the most
        while True:
            function, what = pipe.recv()
            try:
                outcome, trace = function(what), ""
            except Exception as error:
                outcome, trace = error, traceback.format_exc()
            try:
                pipe.send((outcome, trace))
            except (BrokenPipeError, ConnectionResetError):
                return
            except Exception as error:  # what cannot be pickled can still be told
                told = RuntimeError(f"{type(outcome).__name__}: {outcome} ({error})")
                pipe.send((told, trace or traceback.format_exc()))


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
