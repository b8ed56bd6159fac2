"""Records: one JSON line per audited instance, between a header and a count.

Everything in a report is computed from its records, so that a report can be made again without the
model. A file of records is `header`, then records sorted by `row`, then `{"count": n}`. Audits that
train several models write a record per model and instance, told apart by `run`: a small object such
as `{"seed": 3}`. Runs follow each other in the order in which they were asked for.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field, JsonValue

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.report.schema import (
    SCHEMA_VERSION,
    DatasetFacts,
    Manifest,
    ModelFacts,
    parse,
    parse_json,
)

Record = dict[str, Any]
# What must agree between two runs.
_RESUMABLE = ("audit", "settings", "model", "dataset", "conditions")
_FOOTER_BYTES = 64  # more than any {"count": n} line takes


class Header(Settings):
    """The first line of a records file: what was audited, and how."""

    kind: Literal["attnaudit-records"] = "attnaudit-records"
    schema_version: Literal[1] = SCHEMA_VERSION
    audit: str
    settings: dict[str, JsonValue]
    model: ModelFacts
    dataset: DatasetFacts
    conditions: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What else the last digits of a record depend on: code, device, batches, ...",
    )
    manifest: Manifest = Field(description="As in a report.")

    @property
    def digest(self) -> str:
        """A SHA-256 of everything that the records depend on, by content: names do not matter."""
        told = self.model_dump(mode="json", include=set(_RESUMABLE))
        for part in ("model", "dataset"):
            del told[part]["name"]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


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


def difference_between(there: Header, here: Header) -> str | None:
    """Where two runs first differ in what decides the records, in words; None: nowhere."""
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
            header = header_of(content_of(stream.readline(), where, 1), where)
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
            content = content_of(line, where, number)
            if content.keys() == {"count"}:
                break
            row_of(content, where, number)
            found += 1
            yield content
    if found != count:
        raise InputError(
            f"holds {found} records where its last line counts {count}",
            where=path,
            line=found + 2,
            hint="run the audit again",
        )


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
