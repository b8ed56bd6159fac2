"""Files that others wrote, opened so that they can be refused but never hang or fill the memory."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from attnaudit.errors import InputError

MIB = 1 << 20
LARGEST_TEXT = 128 * MIB  # the largest tokenizer.json of a known model has 40 MiB

_KINDS = (
    (stat.S_ISDIR, "is a folder, not a file"),
    (stat.S_ISFIFO, "is a pipe, not a file"),
    (stat.S_ISSOCK, "is a socket, not a file"),
    (stat.S_ISCHR, "is a device, not a file"),
    (stat.S_ISBLK, "is a device, not a file"),
)


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turns what the system says about a file that cannot be read into InputError."""
    try:
        yield
    except FileNotFoundError:
        raise InputError("no such file", where=path, hint="check the path") from None
    except IsADirectoryError:
        raise InputError("is a folder, not a file", where=path) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", where=path) from None


def check_regular(path: Path) -> None:
    """Raise InputError unless `path` is a file that can be read again and again, and has an end.

    A pipe would let the reader wait for ever, a device may have no end, and most inputs are read
    more than once: for their labels, their rows and their digest.
    """
    with opening(path):
        try:
            mode = path.stat().st_mode
        except ValueError as error:  # a NUL in the name
            raise InputError(f"cannot be read ({error})", where=path) from None
    for is_kind, what in _KINDS:
        if is_kind(mode):
            hint = None if is_kind is stat.S_ISDIR else "write its output into a file first"
            raise InputError(what, where=path, hint=hint)


def open_input(path: Path) -> BinaryIO:
    """A regular file, open for reading bytes; raises InputError for anything else."""
    check_regular(path)
    with opening(path):
        return path.open("rb")


def read_text(path: Path, most: int = LARGEST_TEXT) -> str:
    """The text of a UTF-8 file of at most `most` bytes.

    Raises InputError for a missing file, anything but a regular file, a larger one, or bytes that
    are not UTF-8.
    """
    with open_input(path) as file, opening(path):
        data = file.read(most + 1)
    if len(data) > most:
        raise InputError(
            f"is larger than {in_bytes(most)}", where=path, hint="is it the right file?"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            "is not UTF-8 text", where=path, line=line, hint="save the file as UTF-8"
        ) from None


@contextmanager
def prints_kept_out() -> Iterator[None]:
    """What a library that is not in Python prints meanwhile goes to standard error.

    `tokenizers` tells on standard output which options of a file it does not know, in the middle of
    a JSON report. Where a stream is closed, nothing is changed.
    """
    kept = None
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    try:
        yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def in_bytes(count: int) -> str:
    """A limit as people read it: `8 MiB`, or `256 KiB`."""
    return f"{count // MIB} MiB" if count >= MIB else f"{count // 1024} KiB"
