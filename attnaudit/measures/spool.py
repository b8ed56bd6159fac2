"""Bytes kept outside the heap: in memory while they are few, else in an unnamed temporary file."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from attnaudit.errors import OutputError

HELD = 2**18  # bytes that wait in memory before they go to a file


class Spool:
    """Bytes that are appended, and read at any place.

    The file is there from the first `HELD` bytes on, and vanishes with the object.

    Raises:
        OutputError: from any method, where the temporary file cannot be written.
    """

    def __init__(self) -> None:
        self._tail = bytearray()  # what the file does not hold
        self._file: IO[bytes] | None = None
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._tail)

    def append(self, data: bytes) -> int:
        """Append bytes; where they begin."""
        place = len(self)
        self._tail += data
        if len(self._tail) > HELD:
            self._write()
        return place

    def read(self, start: int, size: int) -> bytes:
        """The `size` bytes from `start` on."""
        if start >= self._written:
            start -= self._written
            return bytes(self._tail[start : start + size])
        if start + size > self._written:
            self._write()
        assert self._file is not None
        self._file.seek(start)
        return self._file.read(size)

    def array(self, dtype: DTypeLike, start: int, count: int) -> NDArray[Any]:
        """`count` numbers from byte `start` on: read-only, and memory-mapped if from a file.

        A mapping is dropped with the array, and what it held in memory with it.
        """
        size = count * np.dtype(dtype).itemsize
        if not size:
            return np.empty(0, dtype)
        if start >= self._written:
            return np.frombuffer(self.read(start, size), dtype)
        self._write()
        assert self._file is not None
        # A plain array: what is computed from it is none that refers to a file.
        return np.memmap(self._file, dtype, "r", start, (count,)).view(np.ndarray)

    def _write(self) -> None:
        with _errors():
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see finalize
                weakref.finalize(self, self._file.close)
            self._file.seek(self._written)
            while self._tail:  # a file without a buffer may take less than it is given
                taken = self._file.write(self._tail)
                del self._tail[:taken]
                self._written += taken


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"temporary files cannot be written ({error.strerror})",
            where=tempfile.tempdir,
            hint="free some space, or set TMPDIR to a folder with more space",
        ) from None
