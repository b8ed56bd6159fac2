"""Labels: one spelling for each class, and the classes in a fixed order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from attnaudit.data.names import MOST, check_labels, check_length
from attnaudit.data.opening import rows_of
from attnaudit.data.reader import Row
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError, did_you_mean


def label_text(value: object) -> str | None:
    """A label as a string, so that 1 and "1" are the same; None for what names no class."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(value)
    return value if isinstance(value, str) and value else None


def label_names(spec: DatasetSpec, path: Path, given: Sequence[str] | None) -> tuple[str, ...]:
    """The labels in the order of the classes: `given` ones, else the spec's, else the file's.

    Those found in the file are sorted: as numbers where all are whole numbers, else as text.

    Args:
        spec: the data set.
        path: the file to look into where nothing else names the labels.
        given: a model's labels, in its order.

    Raises:
        InputError: the spec's labels are not the model's, or all rows of the file have one label.
    """
    if given is not None:
        if spec.labels is not None and set(spec.labels) != set(given):
            raise InputError(
                f"the labels {_listed(spec.labels)} are not the model's, {_listed(given)}",
                where=spec.source,
                hint="name the labels as the model does, or use another model",
            )
        return tuple(given)
    if spec.labels is not None:
        return spec.labels
    found = _met(spec, path)
    if len(found) < 2:
        raise InputError(
            f"all rows have the label {next(iter(found))!r}, but a classifier needs at least "
            "two labels",
            where=path,
            hint="check the label column, or list the `labels` in a spec",
        )
    if all(re.fullmatch(r"-?[0-9]+", name) for name in found):
        return tuple(sorted(found, key=lambda name: (int(name), name)))
    return tuple(sorted(found))


def match_labels(spec: DatasetSpec, path: Path, classes: Sequence[str]) -> tuple[str, ...]:
    """The data set's names for the classes of a model that was not made with this data set.

    They are the same but for case; or, where nobody named the classes (LABEL_0, LABEL_1), the
    spec's `labels` in their order, or whole numbers, which count the classes from 0. Where the
    classes have names, what a number means is the data set's business: a spec must say it, for
    the order of the classes differs from model to model.

    Args:
        spec: the data set.
        path: the file to look into where the spec does not list the labels.
        classes: the model's names, in its order.

    Returns:
        As many names as classes, in the model's order; its own where the data has none.

    Raises:
        InputError: the labels cannot be told apart, or which class each means cannot be known.
    """
    listed = spec.labels is not None
    said = spec.labels or tuple(sorted(_met(spec, path)))
    nameless = all(name == f"LABEL_{i}" for i, name in enumerate(classes))
    for spelling in (str, str.casefold):
        ours = {spelling(name): name for name in said}
        theirs = [spelling(name) for name in classes]
        distinct = len(ours) == len(said) and len(set(theirs)) == len(theirs)
        if distinct and ours.keys() <= set(theirs):
            return tuple(ours.get(key, name) for key, name in zip(theirs, classes, strict=True))
    if nameless and listed and len(said) == len(classes):
        return said
    numbers = tuple(str(i) for i in range(len(classes)))
    if nameless and set(said) <= set(numbers):
        return numbers
    where = spec.source if listed else path
    if not nameless and all(re.fullmatch(r"-?[0-9]+", name) for name in said):
        asked = ", ".join(f"{name}: ..." for name in sorted(said, key=int)[:3])
        raise InputError(
            f"the labels {_listed(said)} are numbers, but the model's classes have names: "
            f"{_listed(classes)}",
            where=where,
            hint="look up what each number means, and say it in a dataset spec: `labels: "
            f"{{{asked}}}`, with one of these names after each colon",
        )
    hint = (
        "name the labels as the model does, or give the model's names in a spec: `labels: {a: b}`"
    )
    if nameless:
        hint = (
            "the model does not name its classes: list the labels in a spec (`labels: [...]`) "
            "in the order of its classes, or use the numbers of the classes, from 0, as labels"
        )
    raise InputError(
        f"the labels {_listed(said)} are not the model's, {_listed(classes)}",
        where=where,
        hint=hint,
    )


def row_label(row: Row, spec: DatasetSpec, path: Path, line: int) -> str:
    """The label in a row that has the label column, by the name that the spec gives it.

    Raises InputError where it is none.
    """
    column = spec.fields.column("label")
    name = label_text(row[column])
    hint = "give each row a class, or remove the row"
    if name is None:
        what = f"the label {row[column]!r:.60} is neither a name nor a whole number"
        raise InputError(what, where=path, line=line, hint=hint)
    try:
        check_length(name)
    except ValueError as error:
        raise InputError(str(error), where=path, line=line, hint="check the label column") from None
    return spec.renaming(name)


def unknown_label(
    name: str, spec: DatasetSpec, known: Collection[str], path: Path, line: int
) -> InputError:
    """The mistake of a row whose label is none of the `known` ones."""
    if spec.renaming:
        said = _listed(spec.renaming.names)
        hint = f"the spec's `labels` say what {said} mean: add {name!r:.80} to them"
    elif _is_whole(name) and not any(map(_is_whole, known)):
        hint = f"say in a spec which class each number is: `labels: {{{name}: ..., ...}}`"
        hint += f" with the names {_listed(known)}"
    else:
        hint = did_you_mean(name, known) or "check the label column"
    return InputError(f"the label {name!r:.80} is not known", where=path, line=line, hint=hint)


def _is_whole(name: str) -> bool:
    return re.fullmatch(r"-?[0-9]+(\.0)?", name) is not None


def _listed(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")


def _met(spec: DatasetSpec, path: Path) -> set[str]:
    """The labels that rows of a file have."""
    met: set[str] = set()
    column = spec.fields.column("label")
    with closing(rows_of(spec, path, ("label",))) as rows:
        for line, row in rows:
            name = row_label(row, spec, path, line)
            if name not in met:
                met.add(name)
                if len(met) > MOST:
                    raise InputError(
                        f"the field {column!r} has more than {MOST:,} different labels",
                        where=path,
                        line=line,
                        hint="check the label column",
                    )
    try:
        check_labels(sorted(met))
    except ValueError as error:
        raise InputError(
            str(error), where=path, hint="write each class in the same way in all rows"
        ) from None
    return met
