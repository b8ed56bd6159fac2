"""Files of attributions: scores of words that another tool made, one JSON object a line.

A row is of one text: `{"id": "7", "scores": [0.1, -0.4]}` has one number for each word of it, and
`{"id": "7", "spans": [[0, 4, 0.1], [5, 9, -0.4]]}` has a number for each span of characters, from
`start` to before `end`, counted from 0 in the text as the data have it. A `text` is compared with
that of the data. Other keys are passed over. The first line may say what the file holds, with short
texts: `{"attributions": "shap", "tool": "shap", "version": "0.48", "method": "partition"}`.

Such files come from anywhere: they can be refused, and never hang or fill the memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from attnaudit.data.json_rows import json_rows
from attnaudit.data.rows import LONGEST_NAME, Row, Rows
from attnaudit.errors import InputError
from attnaudit.inputs import check_regular, in_bytes, opening

EXAMPLE = '{"id": ..., "scores": [one number for each word]}'
LARGEST = 4 << 30  # bytes of a file
MOST = 1e30  # a larger score is no score; float32 holds it, and sums of many
HEADER = "attributions"
_SAID = ("tool", "version", "method")
_LONGEST_SAID = 100  # characters
_MISSING = "leave out the row of a text that has no scores"

Span = tuple[int, int]


@dataclass(frozen=True)
class Head:
    """What the first line of a file says of it; None where it does not say."""

    name: str | None = None
    tool: str | None = None
    version: str | None = None
    method: str | None = None


@dataclass(frozen=True)
class Scored:
    """The row of one text: `scores` of its words or, where there are `spans`, of these."""

    line: int
    id: str
    scores: list[float]
    spans: list[Span] | None
    text: str | None


def check_size(path: Path) -> None:
    """Raise InputError for what is no file, and for a file that is too large to be read."""
    check_regular(path)
    with opening(path):
        size = path.stat().st_size
    if size > LARGEST:
        raise InputError(
            f"is larger than {in_bytes(LARGEST)}", where=path, hint="is it the right file?"
        )


def read_head(path: Path) -> Head:
    """What a file of attributions says of itself; raises InputError where it cannot be read."""
    check_size(path)
    with closing(_rows(path)) as rows:
        for line, row in rows:
            return _head(path, line, row) if HEADER in row else Head()
    raise InputError("has no rows", where=path, hint=f"write {EXAMPLE}")


def scored_rows(path: Path) -> Iterator[Scored]:
    """The rows of a file one by one; raises InputError with the line of a row that is none."""
    check_size(path)
    first, empty = True, True
    with closing(_rows(path)) as rows:
        for line, row in rows:
            if HEADER in row:
                if not first:
                    what = f"a row with {HEADER!r} is not the first of the file"
                    raise _wrong(path, line, what, "write one file for each tool and method")
                _head(path, line, row)
            else:
                empty = False
                yield _scored(path, line, row)
            first = False
    if empty:
        raise InputError("has no rows", where=path, hint=f"write {EXAMPLE}")


def _rows(path: Path) -> Rows:
    return json_rows(path, EXAMPLE, _MISSING)


def _wrong(path: Path, line: int, what: str, hint: str | None = None) -> InputError:
    return InputError(what, where=path, line=line, hint=hint)


def _head(path: Path, line: int, row: Row) -> Head:
    said = {}
    for key in (HEADER, *_SAID):
        value = row.get(key)
        if value is None and key != HEADER:
            continue
        short = isinstance(value, str) and 0 < len(value) <= _LONGEST_SAID
        if not isinstance(value, str) or not short or not value.isprintable():
            what = f"{key!r} is {value!r:.60}, not a short text of one line"
            raise _wrong(path, line, what)
        said["name" if key == HEADER else key] = value
    return Head(**said)


def _scored(path: Path, line: int, row: Row) -> Scored:
    name, text = _id(path, line, row), row.get("text")
    if text is not None and not isinstance(text, str):
        raise _wrong(path, line, f"'text' is {text!r:.60}, not a text")
    given = [key for key in ("scores", "spans") if key in row]
    if len(given) != 1:
        what = "has scores and spans" if given else "has neither 'scores' nor 'spans'"
        raise _wrong(path, line, f"the row {what}", f"write {EXAMPLE}")
    (key,) = given
    values = row[key]
    if not isinstance(values, list):
        raise _wrong(path, line, f"{key!r} is {values!r:.60}, not a list", _MISSING)
    if key == "scores":
        scores = [_score(path, line, i, value) for i, value in enumerate(values, 1)]
        return Scored(line, name, scores, None, text)
    made = [_span(path, line, i, value) for i, value in enumerate(values, 1)]
    return Scored(line, name, [score for _, score in made], [span for span, _ in made], text)


def _id(path: Path, line: int, row: Row) -> str:
    """The id of the text, which may be a whole number as in the data."""
    value = row.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        what = "the row has no 'id'" if value is None else f"'id' is {value!r:.60}, which is no id"
        raise _wrong(path, line, what, "each row names its text, by the id that the data give it")
    return value


def _score(path: Path, line: int, place: int, value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _wrong(path, line, f"the score {place} is {value!r:.60}, not a number", _MISSING)
    if not math.isfinite(value) or abs(value) > MOST:
        raise _wrong(path, line, f"the score {place} is larger than {MOST:g}", _MISSING)
    return float(value)


def _span(path: Path, line: int, place: int, value: object) -> tuple[Span, float]:
    if not isinstance(value, list) or len(value) != 3:
        what = f"the span {place} is {value!r:.60}, not a list of start, end and score"
        raise _wrong(path, line, what, "such as [0, 4, 0.25]")
    start, end, score = value
    for bound in (start, end):
        if type(bound) is not int or bound < 0:
            what = f"the span {place} begins or ends at {bound!r:.60}, not at a whole number from 0"
            raise _wrong(path, line, what, "characters are counted from 0")
    if end < start:
        raise _wrong(path, line, f"the span {place} ends at {end}, before it begins at {start}")
    return (start, end), _score(path, line, place, score)
