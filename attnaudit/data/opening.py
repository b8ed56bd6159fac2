"""The rows of a data set's files, as its spec names their columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attnaudit.data.eraser import eraser_rows
from attnaudit.data.reader import Row, Rows, read_rows
from attnaudit.data.rows import LONGEST_NAME
from attnaudit.data.settings import Role
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError


def rows_of(spec: DatasetSpec, path: Path, roles: Sequence[Role]) -> Rows:
    """The rows of a file, each of which must have the columns of `roles`.

    However few are asked for, a .csv file is read in the same way: by the columns of text and
    label in its header. Annotations of ERASER become such rows, whose text is the document.
    """
    required = [column for role in roles for column in spec.columns(role)]
    if spec.docs is not None:
        return eraser_rows(path, spec.docs, spec.eraser_columns())
    return read_rows(path, required, header_of(spec))


def header_of(spec: DatasetSpec) -> list[str]:
    """The columns by which the delimiter of a .csv file is known."""
    return [*spec.columns("text"), *spec.columns("label")]


def key_of(spec: DatasetSpec, row: Row, role: Role, path: Path, line: int) -> str | None:
    """The id or the group of a row, which may be a whole number; None where it is empty."""
    column = spec.fields.column(role)
    value = row.get(column)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        what = f"the field {column!r} is {value!r:.60}, not a string or a whole number"
        raise InputError(what, where=path, line=line)
    if len(value) > LONGEST_NAME:
        what = f"the field {column!r} has {len(value):,} characters, more than {LONGEST_NAME:,}"
        raise InputError(what, where=path, line=line, hint="ids and groups must be short names")
    return value
