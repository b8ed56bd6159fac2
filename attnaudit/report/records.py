"""Records: one JSON line per audited instance, between a header and a count.

Everything in a report is computed from its records, so that a report can be made again without the
model. A file of records is `header`, then records sorted by `row`, then `{"count": n}`. Audits that
train several models write a record per model and instance, told apart by `run`: a small object such
as `{"seed": 3}`. Runs follow each other in the order of their first record.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Protocol

from pydantic import Field, JsonValue

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.files import atomic, check_writable, output_errors
from attnaudit.report.schema import (
    SCHEMA_VERSION,
    DatasetFacts,
    Manifest,
    ModelFacts,
    parse,
    parse_json,
)

Record = dict[str, Any]
_RESUMABLE = ("audit", "settings", "model", "dataset")  # what must agree between two runs
_FOOTER_BYTES = 64  # more than any {"count": n} line takes


class Header(Settings):
    """The first line of a records file: what was audited, and how."""

    kind: Literal["attnaudit-records"] = "attnaudit-records"
    schema_version: Literal[1] = SCHEMA_VERSION
    audit: str
    settings: dict[str, JsonValue]
    model: ModelFacts
    dataset: DatasetFacts
    manifest: Manifest = Field(description="As in a report.")


Run = Mapping[str, str | int | float]


def run_key(run: Run | None) -> str:
    """A run as one string, whatever the order of its keys; empty for an audit without runs."""
    return "" if run is None else json.dumps(run, sort_keys=True)


class _Listable(Protocol):
    def tolist(self) -> list[float]: ...


def compact(values: Sequence[float] | _Listable) -> list[float | None]:
    """Float32 numbers as short JSON numbers: nine significant digits; NaN becomes None.

    Nine digits tell any two float32 numbers apart, so order and ties survive exactly.
    """
    numbers = values if isinstance(values, Sequence) else values.tolist()
    return [None if math.isnan(x) else float(f"{x:.9g}") for x in numbers]


class RecordsWriter:
    """Takes records in any order and writes them out sorted by run and `row`.

    While it runs, the records stand in `<path>.partial`, flushed batch by batch; after an
    interruption that file stays, and `resume=True` goes on from it. `done` holds the rows that are
    already there; `done_in` those of one run. Without a `path` the records go to an unnamed
    temporary file. Only the place of each record is kept in memory. To be used in a `with` block,
    which closes the files.

    Raises:
        InputError: The partial file belongs to another run, or is damaged.
        OutputError: `path` or its partial file cannot be written.
    """

    def __init__(self, path: Path | None, header: Header, resume: bool = False) -> None:
        self.path, self.header = path, header
        self._offsets: dict[str, dict[int, int]] = {}  # run -> row -> where its line starts
        self._finished = False
        if path is None:
            self._place = Path(tempfile.gettempdir())
            self._stream: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - see __exit__
            return
        check_writable(path)
        self._place = path.with_name(path.name + ".partial")
        keep = resume and self._place.is_file()
        with output_errors(self._place):
            self._stream = self._place.open("r+b" if keep else "w+b")
        try:
            if keep:
                self._load()
            if not self._offsets:
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
        self._stream.close()
        if error is not None and self.path is not None and not any(self._offsets.values()):
            self._place.unlink(missing_ok=True)  # there is nothing to go on from

    @property
    def done(self) -> Set[int]:
        """The rows that have a record without a run, in a view that follows the writing."""
        return self.done_in(None)

    def done_in(self, run: Run | None) -> Set[int]:
        """The rows that have a record of `run`, in a view that follows the writing."""
        return self._offsets.setdefault(run_key(run), {}).keys()

    def write(self, batch: Iterable[Mapping[str, Any]]) -> None:
        """Append a batch of records and flush it; each holds at least `row` (int) and `id`."""
        with output_errors(self._place):
            end = self._stream.seek(0, os.SEEK_END)
            for record in batch:
                row, line, run = record["row"], _line(record), run_key(record.get("run"))
                places = self._offsets.setdefault(run, {})
                if row in places:
                    raise ValueError(f"row {row} has a record already {run}".rstrip())
                self._stream.write(line)
                places[row] = end
                end += len(line)
            self._stream.flush()

    def finish(self, manifest: Manifest | None = None) -> None:
        """Write the final file and remove the partial one; without a path, do nothing.

        `manifest` takes the place of the header's, which could not know when the work would end.
        """
        if manifest is not None:
            self.header = self.header.model_copy(update={"manifest": manifest})
        if self.path is None:
            return
        with atomic(self.path, "wb") as out:
            out.write(_line(self.header.model_dump()))
            for line in self._sorted_lines():
                out.write(line)
            out.write(_line({"count": sum(map(len, self._offsets.values()))}))
        self._finished = True
        self._stream.close()
        with output_errors(self._place):
            self._place.unlink()

    def records(self) -> Iterator[Record]:
        """The records sorted by row, before `finish` or after."""
        if self._finished and self.path is not None:
            yield from read_records(self.path)[1]
        else:
            for line in self._sorted_lines():
                yield json.loads(line)

    def _sorted_lines(self) -> Iterator[bytes]:
        for places in self._offsets.values():
            for row in sorted(places):
                self._stream.seek(places[row])
                yield self._stream.readline()

    def _start(self) -> None:
        with output_errors(self._place):
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.write(_line(self.header.model_dump()))
            self._stream.flush()

    def _load(self) -> None:
        """Take over what an interrupted run left: its whole lines, if it was the same run."""
        where, end = str(self._place), 0
        for number, line in enumerate(self._stream, start=1):
            if not line.endswith(b"\n"):
                break  # torn: the run ended within this line
            content = _content(line, where, number)
            if number == 1:
                self._check_same_run(_header(content, where), where)
            else:
                row = _row(content, where, number)
                self._offsets.setdefault(run_key(content.get("run")), {})[row] = end
            end += len(line)
        self._stream.seek(end)
        self._stream.truncate()

    def _check_same_run(self, found: Header, where: str) -> None:
        difference = _same_run(found, self.header)
        if difference is not None:
            raise InputError(
                f"belongs to another run: {difference}",
                where=where,
                hint="start afresh without --resume",
            )


def stands(path: Path, header: Header) -> Literal["whole", "partial"] | None:
    """What an earlier run with the same `header` has left for `path`; None where that is nothing.

    `whole`: the finished file; `partial`: what `resume` goes on from.
    """
    partial = path.with_name(path.name + ".partial")
    with suppress(InputError):  # missing, torn, or of another version: of no use
        if _same_run(read_records(path)[0], header) is None:
            return "whole"
    with suppress(InputError, OSError), partial.open("rb") as stream:
        found = _header(_content(stream.readline(), str(partial), 1), str(partial))
        if _same_run(found, header) is None:
            return "partial"
    return None


def _same_run(there: Header, here: Header) -> str | None:
    """Where two runs differ in what decides the records, in words; None where they do not."""
    ours, theirs = here.model_dump(), there.model_dump()
    differences = (_first_difference(theirs[key], ours[key], key) for key in _RESUMABLE)
    return next((found for found in differences if found is not None), None)


def read_records(path: Path) -> tuple[Header, Iterator[Record]]:
    """The header of a records file, and its records one by one.

    Raises:
        InputError: The file is missing, is not one of records, or is torn or changed; the iterator
            raises it too, at the line that is wrong.
    """
    where = str(path)
    try:
        with path.open("rb") as stream:
            header = _header(_content(stream.readline(), where, 1), where)
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
    return header, _iterate(path, count)


def _iterate(path: Path, count: int) -> Iterator[Record]:
    where, found = str(path), 0
    with path.open("rb") as stream:
        stream.readline()  # the header
        for number, line in enumerate(stream, start=2):
            content = _content(line, where, number)
            if content.keys() == {"count"}:
                break
            _row(content, where, number)
            found += 1
            yield content
    if found != count:
        raise InputError(
            f"holds {found} records where its last line counts {count}",
            where=path,
            line=found + 2,
            hint="run the audit again",
        )


def _line(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Half characters have no UTF-8; what "backslashreplace" makes of one is JSON's own escape.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _content(line: bytes, where: str, number: int) -> Record:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=where, line=number) from None
    content = parse_json(text, where, number)
    if not isinstance(content, dict):
        raise InputError("is not a JSON object", where=where, line=number)
    return content


def _header(content: Record, where: str) -> Header:
    if content.get("kind") != "attnaudit-records":
        raise InputError(
            "is not a file of attnaudit records",
            where=where,
            line=1,
            hint="give the file written by --records",
        )
    return parse(Header, content, where, 1)


def _row(content: Record, where: str, number: int) -> int:
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


def _first_difference(there: Any, here: Any, place: str) -> str | None:
    """Where two JSON values first differ, in words, or None where they are equal."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*here, *(k for k in there if k not in here)]:
            found = _first_difference(there.get(key), here.get(key), f"{place}.{key}")
            if found is not None:
                return found
        return None
    if there == here:
        return None
    return f"its {place} is {json.dumps(there)}, this run's {json.dumps(here)}"
