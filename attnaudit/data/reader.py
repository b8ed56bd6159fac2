"""Rows read one by one from .jsonl, .csv and .tsv files, each with the line it begins on."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Generator
from contextlib import closing
from pathlib import Path

from attnaudit.errors import InputError, did_you_mean
from attnaudit.inputs import MIB, in_bytes, open_input, opening

Row = dict[str, object]
Rows = Generator[tuple[int, Row], None, None]  # each with its line
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
LONGEST = 8 * MIB  # bytes of a row: a long novel has two
MOST_COLUMNS = 10_000
MOST_DIGITS = 100  # of a whole number


def read_rows(path: Path, required: Collection[str] = ()) -> Rows:
    """The rows of a .jsonl, .csv or .tsv file, one at a time, with their line from 1.

    Values are what JSON makes of them, or strings in .csv and .tsv, where the first row names the
    columns and a quoted field may hold line breaks. Blank lines are passed over. Who may not want
    all rows closes the generator, and with it the file.

    Args:
        path: the file, in UTF-8 (a byte order mark is allowed).
        required: the columns that each row must have.

    Raises:
        InputError: the file cannot be read, is empty, or has a broken row, named by its line.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        rows = _json_rows(path)
    elif suffix in (".csv", ".tsv"):
        rows = _csv_rows(path, "," if suffix == ".csv" else "\t", required)
    else:
        raise InputError(
            f"cannot be read as rows: {suffix!r} is none of .jsonl, .csv, .tsv", where=path
        )
    empty, needed = True, set(required)
    with closing(rows):
        for line, row in rows:
            empty = False
            if not row.keys() >= needed:
                raise _missing(path, line, row, required)
            yield line, row
    if empty:
        raise InputError("has no rows", where=path)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; raises InputError if it cannot be read."""
    digest = hashlib.sha256()
    with open_input(path) as file, opening(path):
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class _Lines:
    """The lines of a UTF-8 file, with their ends, without a byte order mark.

    A line is cut while it is read, and so is a row of several: `LONGEST` bytes are the most that is
    held. Whoever has made a row of lines says so by `row_ends`.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.number, self.held = path, 0, 0
        self.file = open_input(path)

    def close(self) -> None:
        self.file.close()

    def row_ends(self) -> None:
        self.held = 0

    def __iter__(self) -> _Lines:
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
                "is not UTF-8 text",
                where=self.path,
                line=self.number,
                hint="save the file as UTF-8",
            ) from None
        if "\0" in text:
            raise InputError(
                "contains a NUL character, which is not text",
                where=self.path,
                line=self.number,
                hint="save the file as UTF-8",
            )
        return text.removeprefix("\ufeff") if self.number == 1 else text


def _json_rows(path: Path) -> Rows:
    with closing(_Lines(path)) as lines:
        for text in lines:
            row = _json_row(path, lines.number, text)
            if row is not None:
                yield lines.number, row
            lines.row_ends()


class _WrongError(ValueError):
    """JSON that Python takes and the standard does not."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        raise _WrongError(f"the key {twice!r:.60} occurs twice")
    return made


def _no_number(name: str) -> object:
    raise _WrongError(f"{name} is not a JSON number")


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise _WrongError(f"a number has {len(digits):,} digits")
    return int(digits)


def _json_row(path: Path, number: int, text: str) -> Row | None:
    """The row on a line; None for a blank one."""
    if not text.strip():
        return None
    try:
        row = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise InputError(
            f"is not valid JSON ({error.msg} at column {error.colno})",
            where=path,
            line=number,
            hint="each line of a .jsonl file is one JSON object",
        ) from None
    except _WrongError as error:
        raise InputError(
            f"is not usable JSON ({error})",
            where=path,
            line=number,
            hint="write null for a missing number"
            if "JSON number" in str(error)
            else "correct or remove the row",
        ) from None
    except RecursionError:
        raise InputError(
            "is not usable JSON (it is nested too deeply)", where=path, line=number
        ) from None
    if _SURROGATE.search(text):
        _check_pairs(row, path, number)
    if not isinstance(row, dict):
        raise InputError(
            f"the row is a JSON {_kind(row)}, not an object",
            where=path,
            line=number,
            hint='write {"text": ..., "label": ...}',
        )
    return row


def _check_pairs(value: object, path: Path, line: int) -> None:
    """Refuse half a surrogate pair, which JSON can spell and no file or tokeniser can take."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(
            "the row contains half of a surrogate pair, which is not text",
            where=path,
            line=line,
            hint="correct or remove that character",
        ) from None


def _kind(value: object) -> str:
    if isinstance(value, (list, str)):
        return "list" if isinstance(value, list) else "string"
    return json.dumps(value) if value is None or isinstance(value, bool) else "number"


def _csv_rows(path: Path, delimiter: str, required: Collection[str]) -> Rows:
    csv.field_size_limit(LONGEST)
    with closing(_Lines(path)) as lines:
        # strict: a stray quote is an error, where it would silently swallow the rows that follow.
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise InputError(
                    f"the row is broken ({error})",
                    where=path,
                    line=line,
                    hint="quote fields that hold quotes or line breaks, and double inner quotes",
                ) from None
            lines.row_ends()
            if cells is None:
                return
            if not cells:
                continue
            if header is None:
                header = _checked_header(path, line, cells, required)
            elif len(cells) != len(header):
                raise InputError(
                    f"the row has {len(cells)} columns, but the header has {len(header)}",
                    where=path,
                    line=line,
                    hint=f"put fields that hold {delimiter!r} in quotes",
                )
            else:
                yield line, dict(zip(header, cells, strict=True))


def _checked_header(
    path: Path, line: int, header: list[str], required: Collection[str]
) -> list[str]:
    if len(header) > MOST_COLUMNS:
        raise InputError(
            f"the header has {len(header):,} columns, more than {MOST_COLUMNS:,}",
            where=path,
            line=line,
        )
    twice = next((name for name, n in Counter(header).items() if n > 1), None)
    if twice is not None:
        what = f"the column {twice!r:.60} occurs twice in the header"
        raise InputError(what, where=path, line=line)
    if not set(header) >= set(required):
        raise _missing(path, line, dict.fromkeys(header), required)
    return header


def _missing(path: Path, line: int, row: Row, required: Collection[str]) -> InputError:
    name = next(name for name in required if name not in row)
    return InputError(
        f"the field {name!r} is missing", where=path, line=line, hint=did_you_mean(name, row)
    )
