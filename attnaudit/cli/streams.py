"""Standard output and standard error that neither fail nor hide a failure.

They may be closed, full, a pipe whose reader has gone, or of an encoding with few characters. None
of these may end a run, change what it finds, or be taken for a failed gate. What went wrong with
standard output is kept, and tells the command at its end that its result was lost.
"""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from attnaudit.errors import OutputError


class _Raw(io.FileIO):
    """A file descriptor whose writing never raises; after the first failure it writes nothing.

    `lost` says why something was not written. A reader who went away (`| head`) is no such reason.
    """

    def __init__(self, descriptor: int, closed: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.lost: str | None = None
        self._closed, self._gone = closed, closed

    def write(self, data: Any) -> int:
        """The number of bytes taken, which is all of them where they cannot be written."""
        size = memoryview(data).nbytes
        while not self._gone:
            try:
                written = super().write(data)
            except BrokenPipeError:
                self._gone = True
            except OSError as error:
                self._gone, self.lost = True, error.strerror or type(error).__name__
            else:
                if written is not None:
                    return written
                select.select([], [self], [])  # a pipe that does not block, and is full
        if self._closed and size:
            self.lost = "it is closed"
        return size


@contextmanager
def steady() -> Iterator[None]:
    """Within, `sys.stdout` and `sys.stderr` do not fail.

    Characters that standard output's encoding lacks become `?`, on standard error escapes.
    """
    closed = _fill_closed()
    before = sys.stdout, sys.stderr
    sys.stdout = _steady(before[0], 1, "replace", 1 in closed)
    sys.stderr = _steady(before[1], 2, "backslashreplace", 2 in closed)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        sys.stdout, sys.stderr = before


def check_written() -> None:
    """Raise OutputError where something that was printed has been lost."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Raw) and raw.lost is not None:
        why, raw.lost = raw.lost, None  # said once
        raise OutputError(f"cannot be written ({why})", where="standard output")


def _steady(stream: TextIO | None, descriptor: int, errors: str, closed: bool) -> Any:
    """`stream` by way of `_Raw`; one that is no file, as in tests, stays as it is."""
    if stream is not None and not closed:
        try:
            descriptor = stream.fileno()
        except (AttributeError, OSError, ValueError):
            return stream
        with suppress(OSError):
            stream.flush()
    raw = _Raw(descriptor, closed)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors=errors,
        line_buffering=descriptor == 2 or raw.isatty(),
    )


def _fill_closed() -> set[int]:
    """The standard descriptors that are closed, now open on nothing.

    Else the next file that is opened would take the number, and be printed into.
    """
    closed = set()
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            closed.add(descriptor)
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    return closed
