"""The program run in this process, as its entry point runs it, within bounds of time and memory."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from unittest import mock

from attnaudit.cli import main as entry
from attnaudit.cli import progress
from attnaudit.measures.bootstrap import Bootstrap

SECONDS = 10.0  # of a processor, that a case may take
_ASLEEP = 300.0  # seconds by the clock: a loaded machine is slow, and a deadlock takes no processor
GROWTH = 1 << 30  # bytes that it may take
_ROOM = 4 * GROWTH  # after which the system gives no more: the machine is not to suffer
_DRAWS = 40  # of a bootstrap: what is tested here is no interval
INTERRUPTED = 130


class OvertimeError(BaseException):
    """A case takes too long; no `except Exception` is to catch it."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, what it printed, and what it took.

    `escaped` is what left the entry point that is no SystemExit.
    """

    code: int
    out: str
    err: str
    seconds: float
    grown: int
    warned: list[str] = field(default_factory=list)
    escaped: str | None = None


def run(folder: Path, *line: str, stop_at: int | None = None) -> Ended:
    """Run a command line in a folder.

    With `stop_at` Ctrl-C is pressed when the work begins its task of that number, from 0: what is
    to be tested lies before.
    """
    out, err = _stream(), _stream()
    began, before = time.process_time(), _resident(forget=True)
    code, escaped = 0, None
    with warnings.catch_warnings(record=True) as caught, contextlib.ExitStack() as stack:
        warnings.simplefilter("always")
        stack.enter_context(
            contextlib.chdir(folder) if hasattr(contextlib, "chdir") else _in(folder)
        )
        stack.enter_context(mock.patch.object(sys, "argv", ["attnaudit", *line]))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        stack.enter_context(_few_draws())
        if stop_at is not None:
            stack.enter_context(_stopped_at(stop_at))
        try:
            with _bounded():
                entry.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            escaped = traceback.format_exc()
        out.flush()
        err.flush()
    said = [str(warning.message) for warning in caught]
    return Ended(
        code,
        out.buffer.getvalue().decode("utf-8", "replace"),  # type: ignore[attr-defined]
        err.buffer.getvalue().decode("utf-8", "replace"),  # type: ignore[attr-defined]
        time.process_time() - began,
        max(0, _resident() - before),
        said,
        escaped,
    )


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict", newline="\n")


@contextlib.contextmanager
def _in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _few_draws() -> Iterator[None]:
    usual = Bootstrap.__init__.__defaults__ or ()
    few = tuple(_DRAWS if type(x) is int and x > _DRAWS else x for x in usual)
    with mock.patch.object(Bootstrap.__init__, "__defaults__", few):
        yield


@contextlib.contextmanager
def _stopped_at(number: int) -> Iterator[None]:
    begun = [0]
    usual = progress.Display.task

    def task(*given: object, **named: object) -> object:
        begun[0] += 1
        if begun[0] > number:
            raise KeyboardInterrupt
        return usual(*given, **named)  # type: ignore[arg-type]

    with mock.patch.object(progress.Display, "task", task):
        yield


@contextlib.contextmanager
def at_step(number: int, act: Callable[[], None]) -> Iterator[None]:
    """Within this, `act` is called at the step of that number, from 0, of a progress bar."""
    left, usual = [number], progress.Silent.advance

    def advance(self: progress.Silent, steps: int = 1, info: str = "") -> None:
        left[0] -= 1
        if left[0] == -1:
            act()
        usual(self, steps, info)

    with mock.patch.object(progress.Silent, "advance", advance):
        yield


def press_ctrl_c() -> None:
    """What Python makes of Ctrl-C."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Ends what takes too long, and lets the system refuse what takes too much memory."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise OvertimeError("asleep" if number == signal.SIGALRM else f"more than {SECONDS:g} s")

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + _ROOM, hard))
    here = threading.current_thread() is threading.main_thread()
    if here:
        usual = [
            (number, signal.signal(number, ring)) for number in (signal.SIGALRM, signal.SIGPROF)
        ]
        signal.setitimer(signal.ITIMER_PROF, SECONDS, 1.0)  # again, where it was caught
        signal.setitimer(signal.ITIMER_REAL, _ASLEEP, 1.0)
    try:
        yield
    finally:
        if here:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)
            for number, handler in usual:
                signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _resident(forget: bool = False) -> int:
    """The most bytes that were resident since this was last forgotten."""
    if forget:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
