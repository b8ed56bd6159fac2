"""Rows of .jsonl files: one JSON object a line."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import closing
from pathlib import Path

from attnaudit.data.lines import Lines
from attnaudit.data.rows import Row, Rows
from attnaudit.errors import InputError

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
MOST_DIGITS = 100  # of a whole number


_EXAMPLE = '{"text": ..., "label": ...}'
_MISSING = "write null for a missing number"


def json_rows(path: Path, example: str = _EXAMPLE, missing: str = _MISSING) -> Rows:
    """The rows of a .jsonl file with their lines; raises InputError for a broken one.

    Its hints show an `example` of a row, and say what to do about a `missing` number.
    """
    with closing(Lines(path)) as lines:
        for text in lines:
            row = _json_row(path, lines.number, text, example, missing)
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


def _json_row(path: Path, number: int, text: str, example: str, missing: str) -> Row | None:
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
            hint=missing if "JSON number" in str(error) else "correct or remove the row",
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
            hint=f"write {example}",
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
