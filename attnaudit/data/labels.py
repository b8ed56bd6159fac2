"""Labels: one spelling for each class, and the classes in a fixed order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from attnaudit.data.names import MOST, check_labels
from attnaudit.data.opening import rows_of
from attnaudit.data.row_label import listed, row_label, row_labels
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError


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
                f"the labels {listed(spec.labels)} are not the model's, {listed(given)}",
                where=spec.source,
                hint="name the labels as the model does, or use another model",
            )
        return tuple(given)
    if spec.labels is not None:
        return spec.labels
    found = labels_met(spec, path)
    if len(found) < 2:
        raise InputError(
            f"all rows have the label {next(iter(found))!r}, but a classifier needs at least "
            "two labels",
            where=path,
            hint="check the label column, or list the `labels` in a spec",
        )
    return in_order(found)


def in_order(found: Iterable[str]) -> tuple[str, ...]:
    """Labels sorted as numbers where all are whole numbers, else as text."""
    names = sorted(found)
    if all(re.fullmatch(r"-?[0-9]+", name) for name in names):
        names.sort(key=lambda name: (int(name), name))
    return tuple(names)


def match_labels(
    spec: DatasetSpec, path: Path, classes: Sequence[str], several: bool = False
) -> tuple[str, ...]:
    """The data set's names for the classes of a model that was not made with this data set.

    They are the same but for case; or, where nobody named the classes (LABEL_0, LABEL_1), the
    spec's `labels` in their order, or whole numbers, which count the classes from 0. Where the
    classes have names, what a number means is the data set's business: a spec must say it, for
    the order of the classes differs from model to model.

    Args:
        spec: the data set.
        path: the file to look into where the spec does not list the labels.
        classes: the model's names, in its order.
        several: whether rows have several labels, or none; else each names one class.

    Returns:
        As many names as classes, in the model's order; its own where the data has none.

    Raises:
        InputError: the labels cannot be told apart, or which class each means cannot be known.
    """
    given = spec.labels is not None
    said = spec.labels or tuple(sorted(labels_met(spec, path, several)))
    nameless = all(name == f"LABEL_{i}" for i, name in enumerate(classes))
    for spelling in (str, str.casefold):
        ours = {spelling(name): name for name in said}
        theirs = [spelling(name) for name in classes]
        distinct = len(ours) == len(said) and len(set(theirs)) == len(theirs)
        if distinct and ours.keys() <= set(theirs):
            return tuple(ours.get(key, name) for key, name in zip(theirs, classes, strict=True))
    if nameless and given and len(said) == len(classes):
        return said
    numbers = tuple(str(i) for i in range(len(classes)))
    if nameless and set(said) <= set(numbers):
        return numbers
    where = spec.source if given else path
    if not nameless and all(re.fullmatch(r"-?[0-9]+", name) for name in said):
        asked = ", ".join(f"{name}: ..." for name in sorted(said, key=int)[:3])
        raise InputError(
            f"the labels {listed(said)} are numbers, but the model's classes have names: "
            f"{listed(classes)}",
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
        f"the labels {listed(said)} are not the model's, {listed(classes)}",
        where=where,
        hint=hint,
    )


def labels_met(spec: DatasetSpec, path: Path, several: bool = False) -> set[str]:
    """The labels that rows of a file have, one each, or `several` or none; raises InputError."""
    if spec.label_columns is not None:
        with closing(rows_of(spec, path, ("label",))) as rows:
            next(rows)  # has them all, or is refused
        return {spec.renaming(column) for column in spec.label_columns}
    met: set[str] = set()
    column = spec.fields.column("label")
    with closing(rows_of(spec, path, ("label",))) as rows:
        for line, row in rows:
            names = row_labels(row, spec, path, line) if several else None
            met.update([row_label(row, spec, path, line)] if names is None else names)
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
