"""What rows are, whatever file they come from, and the mistakes that all kinds of file share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Sequence
from pathlib import Path

from attnaudit.errors import InputError, did_you_mean
from attnaudit.inputs import MIB

Row = dict[str, object]
Rows = Generator[tuple[int, Row], None, None]  # each with its line
LONGEST = 8 * MIB  # bytes of a row: a long novel has two
LONGEST_NAME = 1_000  # characters of an id or a group
MOST_COLUMNS = 10_000


def check_header(
    path: Path, line: int | None, header: Sequence[str], required: Collection[str]
) -> None:
    """Raise InputError unless the names of columns are usable and hold all that are required."""
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
        raise missing(path, line, header, required)


def missing(
    path: Path, line: int | None, there: Iterable[str], required: Iterable[str]
) -> InputError:
    """The mistake of a row or a header that lacks a column."""
    known = list(there)
    name = next(name for name in required if name not in known)
    near = did_you_mean(name, known)
    spec = "name your columns in a spec, under `fields:`"
    hint = spec if near is None else f"{near}; {spec}"
    return InputError(f"the field {name!r} is missing", where=path, line=line, hint=hint)
