"""What a row says of its labels: the one class that it names, or the several labels that it has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from attnaudit.data.names import Renaming, check_length
from attnaudit.data.reader import Row
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError, did_you_mean

_FLAGS = Renaming({"0": "0", "1": "1"})  # what a column of one label may say, in any spelling


def label_text(value: object) -> str | None:
    """A label as a string, so that 1 and "1" are the same; None for what names no class."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(value)
    return value if isinstance(value, str) and value else None


def row_label(row: Row, spec: DatasetSpec, path: Path, line: int) -> str:
    """The class of a row that has the label column, by the name that the spec gives it.

    Where the spec asks about one of several labels, that is whether the row has it.
    Raises InputError where the row names no class, or several.
    """
    names = row_labels(row, spec, path, line)
    one = spec.one
    if one is None:
        if names is not None:
            raise InputError(
                "the text has a list of labels, but one class is needed",
                where=path,
                line=line,
                hint="make a yes/no data set of each label; or, to audit a model that gives"
                " several labels, choose one with --label",
            )
        return _named(row[spec.fields.column("label")], spec, path, line)
    assert names is not None
    for name in names:
        if name not in one.known:
            raise unknown_label(name, spec, one.known, path, line)
    return one.class_of(names)


def row_labels(row: Row, spec: DatasetSpec, path: Path, line: int) -> list[str] | None:
    """The labels of a row that may have several, or none, by the names that the spec gives them.

    They are a list in the label field, or what the spec's `label_separator` separates there, or the
    `label_columns` that hold 1. For a row whose label field names one class they are that one if
    the spec asks about one of several labels, else None.

    Raises InputError where they are none, or one stands twice.
    """
    if spec.label_columns is not None:
        return [
            spec.renaming(column)
            for column in spec.label_columns
            if _holds_one(row.get(column), column, path, line)
        ]
    column = spec.fields.column("label")
    value = row[column]
    if spec.label_separator is not None and isinstance(value, str):
        value = [part.strip() for part in value.split(spec.label_separator) if part.strip()]
    if not isinstance(value, list):
        if spec.one is None:
            return None
        value = [value]
    names = [_named(each, spec, path, line) for each in value]
    twice = next((name for name, n in Counter(names).items() if n > 1), None)
    if twice is not None:
        raise InputError(
            f"the field {column!r} has the label {twice!r:.80} twice",
            where=path,
            line=line,
            hint="list the labels that the text has, each once; a 0 or 1 for each label goes"
            " into columns of their own, which a spec names as `label_columns`",
        )
    return names


def _named(value: object, spec: DatasetSpec, path: Path, line: int) -> str:
    """The label by the name that the spec gives it; raises InputError where it is none."""
    name = label_text(value)
    if name is None:
        what = f"the label {value!r:.60} is neither a name nor a whole number"
        hint = "give each row a class, or remove the row"
        raise InputError(what, where=path, line=line, hint=hint)
    try:
        check_length(name)
    except ValueError as error:
        raise InputError(str(error), where=path, line=line, hint="check the label column") from None
    return spec.renaming(name)


def _holds_one(value: object, column: str, path: Path, line: int) -> bool:
    flag = _FLAGS(label_text(value) or "")
    if flag not in _FLAGS.names:
        raise InputError(
            f"the field {column!r} is {value!r:.60}, not 0 or 1",
            where=path,
            line=line,
            hint="a column of `label_columns` holds 1 where the text has that label, else 0",
        )
    return flag == "1"


def unknown_label(
    name: str, spec: DatasetSpec, known: Collection[str], path: Path, line: int
) -> InputError:
    """The mistake of a row whose label is none of the `known` ones."""
    if spec.renaming:
        said = listed(spec.renaming.names)
        hint = f"the spec's `labels` say what {said} mean: add {name!r:.80} to them"
    elif _is_whole(name) and not any(map(_is_whole, known)):
        hint = f"say in a spec which class each number is: `labels: {{{name}: ..., ...}}`"
        hint += f" with the names {listed(known)}"
    else:
        hint = did_you_mean(name, known) or "check the label column"
    return InputError(f"the label {name!r:.80} is not known", where=path, line=line, hint=hint)


def _is_whole(name: str) -> bool:
    return re.fullmatch(r"-?[0-9]+(\.0)?", name) is not None


def listed(names: Iterable[str]) -> str:
    """Names in quotes, a dozen at most, as a line for the user has them."""
    shown = [repr(name) for name in names]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
