"""The lines of a text file, and what a file is that is none."""

from __future__ import annotations

from pathlib import Path

from attnaudit.data.rows import LONGEST
from attnaudit.errors import InputError
from attnaudit.inputs import in_bytes, open_input, opening

_AS_UTF8 = "save it as UTF-8; Excel calls that 'CSV UTF-8'"
_UNPACK = "unpack it first"
# What files begin with that are often given another file's ending.
_KINDS = (
    (b"PK\x03\x04", "is an Excel file or another zip archive, not text", "name it .xlsx if it is"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel file, not text", "save it as .xlsx or 'CSV UTF-8'"),
    (b"PAR1", "is a Parquet file, not text", "name it .parquet"),
    (b"\x1f\x8b", "is a gzip file, not text", _UNPACK),
    (b"BZh", "is a bzip2 file, not text", _UNPACK),
    (b"\xfd7zXZ", "is an xz file, not text", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "is a zstd file, not text", _UNPACK),
    (b"\xff\xfe", "is UTF-16 text", _AS_UTF8),
    (b"\xfe\xff", "is UTF-16 text", _AS_UTF8),
)


class Lines:
    """The lines of a UTF-8 file, with their ends, without a byte order mark.

    A line is cut while it is read, and so is a row of several: `LONGEST` bytes are the most that is
    held. Whoever has made a row of lines says so by `row_ends`. `number` is that of the last line.

    Raises:
        InputError: the file cannot be read, or is no UTF-8 text; other kinds of file are named.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.number, self.held = path, 0, 0
        self.file = open_input(path)
        try:
            with opening(path):
                begin = self.file.read(8)
                self.file.seek(0)
            for first, what, hint in _KINDS:
                if begin.startswith(first):
                    raise InputError(what, where=path, hint=hint)
        except BaseException:
            self.file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def row_ends(self) -> None:
        """What was read so far is no longer held."""
        self.held = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        with opening(self.path):
            data = self.file.readline(LONGEST - self.held + 1)
        if not data:
            raise StopIteration
        self.number += 1
        self.held += len(data)
        if self.held > LONGEST:
            old = data.count(b"\r") > 1 and b"\n" not in data
            raise InputError(
                f"a row has more than {in_bytes(LONGEST)}",
                where=self.path,
                line=self.number,
                hint="end lines with a line feed (LF or CRLF)"
                if old
                else "split the text, or close the open quotes",
            )
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(
                "is not UTF-8 text", where=self.path, line=self.number, hint=_AS_UTF8
            ) from None
        if "\0" in text:
            raise InputError(
                "contains a NUL character, which is not text",
                where=self.path,
                line=self.number,
                hint=_AS_UTF8,
            )
        return text.removeprefix("\ufeff") if self.number == 1 else text
