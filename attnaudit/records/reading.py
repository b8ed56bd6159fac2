"""Records: one JSON line per audited instance, between a header and a footer.

Everything in a report is computed from its records, so that a report can be made again without the
model. A file of records is `header`, then records sorted by `row`, then `{"count": n, "sha256":
...}`: how many records there are, and the SHA-256 of all lines before. Each line ends in a checksum
(see `records.lines`). Audits that train several models write a record per model and instance, told
apart by `run`: a small object such as `{"seed": 3}`. Runs follow each other in the order in which
they were asked for, and no id stands twice in a run.

Files of schema version 1 have no checksums and no SHA-256. They are read, and `sealed` is False.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from attnaudit.errors import InputError
from attnaudit.inputs import open_input, opening
from attnaudit.records.fields import Kind, check
from attnaudit.records.lines import DAMAGED, LONGEST, content_of, lines
from attnaudit.records.schema import (
    FIRST_VERSION,
    RECORDS_VERSION,
    Header,
    Record,
    Run,
    parse,
    run_key,
)

_FOOTER_BYTES = 256  # more than any footer takes

Kinds = Callable[[str], Kind]  # what the records of an audit, by name, must be


class Placed(Protocol):
    """Records that can be read again one by one, by where they stand."""

    @property
    def place(self) -> int:
        """Where the record stands that was given last."""
        ...

    def at(self, places: Iterable[int]) -> Iterator[Record]:
        """The records that stand at these places."""
        ...


class _Footer(NamedTuple):
    records: int
    sha256: str | None


class RecordsFile:
    """A complete file of records. To iterate is to read it once, from its header to its end.

    With `kinds`, every record is held against what its audit says of its records. `digest` is the
    SHA-256 of the bytes read, in hexadecimal, once they are read to the end. `sealed` says whether
    lines have checksums.

    Raises:
        InputError: The file is missing, is not one of records, or is torn or changed; the iterator
            raises it too, at the line that is wrong.
    """

    def __init__(self, path: Path, kinds: Kinds | None = None) -> None:
        where = str(path)
        self.path, self.place = path, 0
        self.digest: str | None = None
        with open_input(path) as stream, opening(path):
            self.header = header_of(stream.readline(LONGEST), where)
            self.sealed = self.header.schema_version != FIRST_VERSION
            self._footer = self._read_footer(stream)
        self._kind = kinds(self.header.audit) if kinds else None

    def __iter__(self) -> Iterator[Record]:
        where, found, order = str(self.path), 0, _Order(str(self.path))
        labels = self.header.model.model_dump().get("labels")
        with open_input(self.path) as stream:
            header = stream.readline(LONGEST)
            digest, end = hashlib.sha256(header), len(header)
            for number, line in lines(stream, where, 2):
                content = content_of(line, where, number, self.sealed)
                if "count" in content:
                    more = stream.read(1)
                    self._check_end(found, order, digest.hexdigest(), more, number)
                    digest.update(line)
                    self.digest = digest.hexdigest()
                    return
                digest.update(line)
                row_of(content, where, number)
                if self._kind is not None:
                    check(content, self._kind, where, number)
                    _check_classes(content, labels, where, number)
                order.check(content, number)
                found += 1
                self.place, end = end, end + len(line)
                yield content
        raise InputError("has changed while it was read", where=self.path, hint=DAMAGED)

    def at(self, places: Iterable[int]) -> Iterator[Record]:
        """The records that stand at these places, as iterating has told them.

        Raises InputError where the file has changed since.
        """
        with open_input(self.path) as stream:
            for place in places:
                stream.seek(place)
                yield content_of(stream.readline(LONGEST), str(self.path), None, self.sealed)

    def is_whole(self) -> bool:
        """Whether all bytes are those that the footer was made of; reads the file once."""
        digest, last = hashlib.sha256(), b""
        try:
            with open_input(self.path) as stream:
                for _, line in lines(stream, str(self.path), 1):
                    digest.update(last)
                    last = line
        except (InputError, OSError):
            return False
        return digest.hexdigest() == self._footer.sha256

    def _read_footer(self, stream: IO[bytes]) -> _Footer:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - _FOOTER_BYTES))
        last = stream.read().removesuffix(b"\n").rpartition(b"\n")[2] + b"\n"
        stream.seek(-1, os.SEEK_END)
        try:
            if stream.read() != b"\n":
                raise InputError("cut off")
            content = content_of(last, str(self.path), None, self.sealed)
            return _footer_of(content, self.sealed)
        except (InputError, TypeError):
            raise InputError(
                "is not complete: its last line does not hold the number of records",
                where=self.path,
                line=_count_lines(self.path),
                hint="run the audit again; if there is a .partial file, with --resume",
            ) from None

    def _check_end(self, found: int, order: _Order, digest: str, more: bytes, number: int) -> None:
        """Hold what was read against the footer, which stands on line `number`."""
        expected, instances = self._footer, self.header.dataset.instances
        if found != expected.records:
            what = f"contains {found} records, but its last line says {expected.records}"
        elif more:
            what = "continues after the line that counts its records"
        elif expected.sha256 is not None and digest != expected.sha256:
            what = "is damaged, or was edited: its last line contains the SHA-256 of other lines"
        elif self._kind is not None and not order.runs_alone and order.plain != instances:
            what = f"contains records of {order.plain} texts, but its header says {instances}"
        else:
            return
        raise InputError(what, where=self.path, line=number, hint=DAMAGED)


class _Order:
    """Holds records against those before: by run, then by row, and no id twice in a run.

    `plain` counts those without a run, which stand first.
    """

    def __init__(self, where: str) -> None:
        self.plain = 0
        self._where = where
        self._run: Run | None = None
        self._row, self._ids = -1, set[str]()
        self._seen: set[str] = {""}

    def check(self, record: Record, number: int) -> None:
        """Take in the record on line `number`; raises InputError where it is out of order."""
        run, row, name = record.get("run"), record["row"], record["id"]
        if run != self._run:
            key = run_key(run)
            if key in self._seen:
                raise self._error(f"the run {key or 'without a name'} occurs again here", number)
            self._seen.add(key)
            self._run, self._row, self._ids = run, -1, set()
        if row <= self._row:
            raise self._error(f"row {row} comes after row {self._row}", number)
        if name in self._ids:
            raise self._error(f"the id {name!r} occurs twice", number)
        self._ids.add(name)
        self._row = row
        self.plain += run is None

    @property
    def runs_alone(self) -> bool:
        """Whether all records are of runs."""
        return self._run is not None and not self.plain

    def _error(self, what: str, number: int) -> InputError:
        return InputError(f"is out of order: {what}", where=self._where, line=number, hint=DAMAGED)


def read_records(path: Path, kinds: Kinds | None = None) -> tuple[Header, Iterator[Record]]:
    """The header of a records file, and its records one by one; raises InputError as it does."""
    file = RecordsFile(path, kinds)
    return file.header, iter(file)


def header_of(line: bytes, where: str) -> Header:
    """The header that a first line holds; raises InputError for another one, or a damaged one."""
    content = content_of(line, where, 1, sealed=False)
    if content.get("kind") != "attnaudit-records":
        raise InputError(
            "is not a file of attnaudit records",
            where=where,
            line=1,
            hint="give the file written by --records",
        )
    if content.get("schema_version") == RECORDS_VERSION:
        content = content_of(line, where, 1)  # its checksum too
    return parse(Header, content, where, 1, (FIRST_VERSION, RECORDS_VERSION))


def row_of(content: Record, where: str, number: int) -> int:
    """The row that a record is of; raises InputError for what is no record."""
    row = content.get("row")
    if type(row) is not int or "id" not in content:
        raise InputError("is not a record: it lacks 'row' or 'id'", where=where, line=number)
    return row


def _footer_of(content: Record, sealed: bool) -> _Footer:
    """Raises TypeError for what is no footer."""
    keys = {"count", "sha256"} if sealed else {"count"}
    count, digest = content.get("count"), content.get("sha256")
    if content.keys() != keys or type(count) is not int or (sealed and type(digest) is not str):
        raise TypeError
    return _Footer(count, digest)


def _check_classes(content: Record, labels: Any, where: str, number: int) -> None:
    """Raise InputError where a record is of other classes than the header names."""
    probs = content.get("probs")
    if probs is not None and isinstance(labels, list) and len(probs) != len(labels):
        raise InputError(
            f"has {len(probs)} classes, but the header names {len(labels)}",
            where=where,
            line=number,
        )


def _count_lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))
