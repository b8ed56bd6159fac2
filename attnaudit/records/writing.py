"""Records written as they are made, and gone on with after an interruption."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from typing_extensions import override

from attnaudit.errors import InputError, OutputError
from attnaudit.execution.files import atomic, check_regular, check_writable, output_errors
from attnaudit.inputs import open_input
from attnaudit.records.fields import LARGEST_ROW, Kind, check
from attnaudit.records.lines import LONGEST, content_of, line_of, lines
from attnaudit.records.reading import RecordsFile, header_of, row_of
from attnaudit.records.schema import (
    RECORDS_VERSION,
    Header,
    Manifest,
    Record,
    Run,
    difference_between,
    run_key,
)

try:
    import fcntl
except ImportError:  # Windows, where two runs into one file are not found out
    fcntl = None  # type: ignore[assignment]


class Rows(Set[int]):
    """The rows that have a record, and where its line starts: eight bytes a row."""

    def __init__(self) -> None:
        self._places = array("q")  # -1 where there is no record
        self._count = 0

    @override
    def __contains__(self, row: object) -> bool:
        return isinstance(row, int) and 0 <= row < len(self._places) and self._places[row] >= 0

    @override
    def __iter__(self) -> Iterator[int]:
        return (row for row, place in enumerate(self._places) if place >= 0)

    @override
    def __len__(self) -> int:
        return self._count

    def add(self, row: int, place: int) -> None:
        """Note that the record of `row`, which has none, starts at byte `place`."""
        short = row + 1 - len(self._places)
        if short > 0:
            self._places.frombytes(b"\xff" * (8 * short))
        self._places[row] = place
        self._count += 1

    def places(self) -> Iterator[int]:
        """Where the records start, by row."""
        return (place for place in self._places if place >= 0)


class RecordsWriter:
    """Takes records in any order and writes them out sorted by run and `row`.

    While it runs, the records stand in `<path>.partial`, flushed batch by batch; after an
    interruption that file stays, and `resume=True` goes on from it. `done` holds the rows that are
    already there; `done_in` those of one run, and asking for them gives the run its place in the
    file. Without a `path` the records go to an unnamed temporary file. Only the place of each
    record is kept in memory. To be used in a `with` block, which closes the files.

    A partial file that is not gone on from, or cannot be (of another run, or damaged), is set aside
    as `<path>.partial.old1` or the like; `remark` says so. Of a damaged one, the records before the
    damage are gone on from.

    With a `kind` every record is held against it before it is written, and none is gone on from
    that is not of it.

    Raises:
        InputError: Another process is writing these records at this moment.
        OutputError: `path` or its partial file cannot be written, or is no regular file.
    """

    def __init__(
        self, path: Path | None, header: Header, resume: bool = False, kind: Kind | None = None
    ) -> None:
        self.path, self.header, self._kind = path, header, kind
        self.remark: str | None = None
        self._runs: dict[str, Rows] = {}  # as they stand in the partial file
        self._order: dict[str, None] = {}  # of the runs, as they were asked for
        self.place = 0
        self.digest: str | None = None  # SHA-256 of the final file, once there is one
        self._final = array("q")  # where its records start
        if path is None:
            self._place = Path(tempfile.gettempdir())
            self._stream: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - see __exit__
            return
        check_regular(path)
        check_writable(path)
        self._place = path.with_name(path.name + ".partial")
        check_regular(self._place)
        with output_errors(self._place):
            self._stream = _open_alone(self._place)
        try:
            self._take_over(resume)
            if not self._runs:
                self._start()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> RecordsWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._stream.close()
        except OSError:  # what could not be written, as on a full disk, cannot be now either
            if error is None:
                raise
        if error is not None and self.path is not None and not any(self._runs.values()):
            self._place.unlink(missing_ok=True)  # there is nothing to go on from

    @property
    def partial(self) -> Path | None:
        """Where the records stand until `finish`; None for a temporary file."""
        return None if self.path is None else self._place

    @property
    def done(self) -> Rows:
        """The rows that have a record without a run, in a view that follows the writing."""
        return self.done_in(None)

    def done_in(self, run: Run | None) -> Rows:
        """The rows that have a record of `run`, in a view that follows the writing."""
        key = run_key(run)
        self._order.setdefault(key)
        return self._runs.setdefault(key, Rows())

    def write(self, batch: Iterable[Mapping[str, Any]]) -> None:
        """Append a batch of records and flush it; each holds at least `row` (int) and `id`.

        Raises InputError for a record that cannot be right: none of it is written.
        """
        with output_errors(self._place):
            end = self._stream.seek(0, os.SEEK_END)
            for record in batch:
                row, line, run = record["row"], self._sound(record), record.get("run")
                rows = self.done_in(run)
                if row in rows:
                    raise ValueError(f"row {row} already has a record {run_key(run)}".rstrip())
                self._stream.write(line)
                rows.add(row, end)
                end += len(line)
            self._stream.flush()

    def _sound(self, record: Mapping[str, Any]) -> bytes:
        """The line of a record; raises InputError where it is not what its audit records."""
        try:
            line = line_of(record)
            if self._kind is not None:
                check(record, self._kind, None, None)
        except ValueError:
            problem = "it contains a number that is not finite"
        except InputError as error:
            problem = f"it {error.what}"
        else:
            if len(line) < LONGEST and 0 <= record["row"] <= LARGEST_ROW:
                return line
            problem = "it is too large to be stored"
        raise InputError(
            f"the record of the text {record['id']!r} cannot be right: {problem}",
            hint="either the model gives a meaningless answer to this text, or attnaudit has a bug",
        )

    def finish(self, manifest: Manifest | None = None) -> None:
        """Write the final file and remove the partial one; without a path, do nothing.

        `manifest` takes the place of the header's, which could not know when the work would end.
        """
        if manifest is not None:
            self.header = self.header.model_copy(update={"manifest": manifest})
        if self.path is None:
            return
        self._final, digest, end = array("q"), hashlib.sha256(), 0
        with atomic(self.path, "wb") as out:
            for line in self._final_lines():
                out.write(line)
                digest.update(line)
                self._final.append(end)
                end += len(line)
            count = sum(map(len, self._runs.values()))
            footer = line_of({"count": count, "sha256": digest.hexdigest()})
            out.write(footer)
            digest.update(footer)
        self._final = self._final[1:]  # those of the records
        self.digest = digest.hexdigest()
        with output_errors(self._place):
            self._place.unlink()  # while it is locked: nobody can have gone on from it
        self._stream.close()

    def _final_lines(self) -> Iterator[bytes]:
        yield line_of(self.header.model_dump())
        for place in self._places():
            self._stream.seek(place)
            yield self._stream.readline()

    def records(self) -> Iterator[Record]:
        """The records sorted by row, before `finish` or after.

        `place` is the number of the record that was given last, from 0.
        """
        if self.digest is not None and self.path is not None:
            for number, record in enumerate(RecordsFile(self.path)):
                self.place = number
                yield record
        else:
            for number, start in enumerate(self._places()):
                self.place = number
                yield self._line(self._stream, start)

    def at(self, places: Iterable[int]) -> Iterator[Record]:
        """The records of these numbers, before `finish` or after."""
        if self.digest is not None and self.path is not None:
            with self.path.open("rb") as stream:
                yield from (self._line(stream, self._final[place]) for place in places)
        else:
            starts = array("q", self._places())
            yield from (self._line(self._stream, starts[place]) for place in places)

    def _line(self, stream: IO[bytes], start: int) -> Record:
        stream.seek(start)
        return content_of(stream.readline(LONGEST), str(self._place), None)

    def _places(self) -> Iterator[int]:
        """Where the records start, in the order of the final file."""
        # Records without a run stand first, whatever was asked for before.
        for run in sorted(dict.fromkeys((*self._order, *self._runs)), key=bool):
            yield from self._runs[run].places()

    def _start(self) -> None:
        with output_errors(self._place):
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.write(line_of(self.header.model_dump()))
            self._stream.flush()

    def _take_over(self, resume: bool) -> None:
        """Go on from what an interrupted run left, if it was the same run; else set it aside."""
        try:
            found = self._left()
        except InputError as error:
            return self._set_aside(str(error))
        if found is None or not self._stream.peek(1):  # type: ignore[attr-defined]
            return None  # a header alone is nothing to keep
        if found.schema_version != RECORDS_VERSION:
            return self._set_aside("an older attnaudit made them, without checksums")
        difference = difference_between(found, self.header)
        if difference is not None:
            return self._set_aside(f"it belongs to another run: {difference}")
        if not resume:
            return self._set_aside("--resume would have continued from them")
        return self._load()

    def _left(self) -> Header | None:
        """The header of what stands there; None where there is no more than a torn header."""
        self._stream.seek(0)
        first = self._stream.readline(LONGEST)
        if not first.endswith(b"\n"):
            return None
        return header_of(first, str(self._place))

    def _load(self) -> None:
        """Take over the whole lines, as far as they are sound records."""
        where, end = str(self._place), self._stream.tell()
        ids: dict[str, set[str]] = {}
        try:
            for number, line in lines(self._stream, where, 2):
                if not line.endswith(b"\n"):
                    break  # torn: the run ended within this line
                content = content_of(line, where, number)
                row, run = row_of(content, where, number), run_key(content.get("run"))
                if self._kind is not None:
                    check(content, self._kind, where, number)
                rows, names = self._runs.setdefault(run, Rows()), ids.setdefault(run, set())
                if not 0 <= row <= LARGEST_ROW or row in rows or content["id"] in names:
                    what = f"row {row} or its id occurs there twice"
                    raise InputError(what, where=where, line=number)
                names.add(content["id"])
                rows.add(row, end)
                end += len(line)
        except InputError as error:
            return self._cut(end, f"{where}:{error.line}: {error.what}")
        self._stream.seek(end)
        self._stream.truncate()
        return None

    def _cut(self, end: int, why: str) -> None:
        """Keep a copy of the damaged file, and go on from its first `end` bytes."""
        old = self._free()
        with output_errors(old), old.open("xb") as copy:
            self._stream.seek(0)
            shutil.copyfileobj(self._stream, copy)
        kept = sum(map(len, self._runs.values()))
        self.remark = (
            f"{why}; the run continues from the {kept} records before that line. The whole file is "
            f"kept as {old}"
        )
        self._stream.seek(end)
        self._stream.truncate()

    def _set_aside(self, why: str) -> None:
        """Rename what stands there, and begin a new partial file."""
        old = self._free()
        with output_errors(old):
            self._place.rename(old)
            stream = _open_alone(self._place)
        self._stream.close()
        self._stream = stream
        self.remark = f"records of an interrupted run are set aside as {old}: {why}"

    def _free(self) -> Path:
        """A name for what is set aside, which nothing has yet."""
        names = (f"{self._place.name}.old{number}" for number in itertools.count(1))
        return next(p for p in map(self._place.with_name, names) if not p.exists())


def _open_alone(path: Path) -> IO[bytes]:
    """Open a file for reading and writing, created where it is missing, for this process alone.

    Raises InputError where another process has it, and OutputError for a link: what it points at
    would be overwritten.
    """
    # O_NOFOLLOW: a link may have been put there since it was looked at.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        stream = os.fdopen(os.open(path, flags, 0o666), "r+b")
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OutputError(
            "is a link, and a run does not write through links",
            where=path,
            hint="remove it, or give another file",
        ) from None
    if fcntl is not None:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            raise InputError(
                "another run is writing it at this moment",
                where=path,
                hint="wait until that run has ended, or give another file",
            ) from None
        except OSError:  # a file system without locks
            pass
    return stream


def stands(path: Path, header: Header) -> Literal["whole", "partial"] | None:
    """What an earlier run with the same `header` has left for `path`; None where that is nothing.

    `whole`: the finished file; `partial`: what `resume` goes on from.
    """
    partial = path.with_name(path.name + ".partial")
    with suppress(InputError):  # missing, torn, or of another version: of no use
        file = RecordsFile(path)
        if difference_between(file.header, header) is None and file.is_whole():
            return "whole"
    with suppress(InputError, OSError), open_input(partial) as stream:
        found = header_of(stream.readline(LONGEST), str(partial))
        same = difference_between(found, header) is None
        if same and found.schema_version == RECORDS_VERSION:
            return "partial"
    return None
