"""Records: one JSON line per audited instance, between a header and a count.

Everything in a report is computed from its records, so that a report can be made again without the
model. A file of records is `header`, then records sorted by `row`, then `{"count": n}`. Audits that
train several models write a record per model and instance, told apart by `run`: a small object such
as `{"seed": 3}`. Runs follow each other in the order in which they were asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from attnaudit.errors import InputError
from attnaudit.records.schema import (
    Header,
    Record,
    parse,
    parse_json,
)

_FOOTER_BYTES = 64  # more than any {"count": n} line takes


class Placed(Protocol):
    """Records that can be read again one by one, by where they stand."""

    @property
    def place(self) -> int:
        """Where the record stands that was given last."""
        ...

    def at(self, places: Iterable[int]) -> Iterator[Record]:
        """The records that stand at these places."""
        ...


class RecordsFile:
    """A complete file of records. To iterate is to read it once, from its header to its end.

    `digest` is the SHA-256 of the bytes read, in hexadecimal, once they are read to the end.

    Raises:
        InputError: The file is missing, is not one of records, or is torn or changed; the iterator
            raises it too, at the line that is wrong.
    """

    def __init__(self, path: Path) -> None:
        where = str(path)
        self.path, self.place = path, 0
        self.digest: str | None = None
        try:
            with path.open("rb") as stream:
                self.header = header_of(content_of(stream.readline(), where, 1), where)
                stream.seek(0, os.SEEK_END)
                stream.seek(max(0, stream.tell() - _FOOTER_BYTES))
                tail = stream.read()
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path) from None
        count = _count(tail.removesuffix(b"\n").rpartition(b"\n")[2])
        if count is None or not tail.endswith(b"\n"):
            raise InputError(
                "is not complete: its last line is no count of records",
                where=path,
                hint="run the audit again, with --resume if a .partial file is there",
            )
        self._count = count

    def __iter__(self) -> Iterator[Record]:
        where, found = str(self.path), 0
        with self.path.open("rb") as stream:
            header = stream.readline()
            digest, end = hashlib.sha256(header), len(header)
            for number, line in enumerate(stream, start=2):
                digest.update(line)
                content = content_of(line, where, number)
                if content.keys() == {"count"}:
                    break
                row_of(content, where, number)
                found += 1
                self.place, end = end, end + len(line)
                yield content
        if found != self._count:
            raise InputError(
                f"holds {found} records where its last line counts {self._count}",
                where=self.path,
                line=found + 2,
                hint="run the audit again",
            )
        self.digest = digest.hexdigest()

    def at(self, places: Iterable[int]) -> Iterator[Record]:
        """The records that stand at these places, as iterating has told them."""
        with self.path.open("rb") as stream:
            for place in places:
                stream.seek(place)
                content: Record = json.loads(stream.readline())
                yield content


def read_records(path: Path) -> tuple[Header, Iterator[Record]]:
    """The header of a records file, and its records one by one; raises InputError as it does."""
    file = RecordsFile(path)
    return file.header, iter(file)


def line_of(content: Mapping[str, Any]) -> bytes:
    """A line of a records file."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Half characters have no UTF-8; what "backslashreplace" makes of one is JSON's own escape.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def content_of(line: bytes, where: str, number: int) -> Record:
    """The JSON object on a line; raises InputError for anything else."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=where, line=number) from None
    content = parse_json(text, where, number)
    if not isinstance(content, dict):
        raise InputError("is not a JSON object", where=where, line=number)
    return content


def header_of(content: Record, where: str) -> Header:
    """The header that a first line holds; raises InputError for another one."""
    if content.get("kind") != "attnaudit-records":
        raise InputError(
            "is not a file of attnaudit records",
            where=where,
            line=1,
            hint="give the file written by --records",
        )
    return parse(Header, content, where, 1)


def row_of(content: Record, where: str, number: int) -> int:
    """The row that a record is of; raises InputError for what is no record."""
    row = content.get("row")
    if type(row) is not int or "id" not in content:
        raise InputError("is not a record: it lacks 'row' or 'id'", where=where, line=number)
    return row


def _count(line: bytes) -> int | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    count = content.get("count") if isinstance(content, dict) else None
    return count if type(count) is int else None
