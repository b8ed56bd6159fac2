"""Data whose texts may have several labels, or none: seen as yes and no to one label at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from attnaudit.data.labels import in_order, labels_met, match_labels
from attnaudit.data.names import OneLabel
from attnaudit.data.opening import rows_of
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError

_FORMS = (
    "if a text may have several labels, write them as a list, or name the `label_separator` or the"
    " `label_columns` in a dataset spec"
)


def has_several(spec: DatasetSpec, path: Path) -> bool:
    """Whether the texts of a file may have several labels: the spec says it, or its first row.

    Raises InputError for a file that cannot be read.
    """
    if spec.label_columns is not None or spec.label_separator is not None:
        return True
    column = spec.fields.column("label")
    with closing(rows_of(spec, path, ("label",))) as rows:
        _, first = next(rows)  # a file without rows is refused
        return isinstance(first[column], list)


def asked_about(spec: DatasetSpec, path: Path, labels: Sequence[str], label: str) -> DatasetSpec:
    """The data as answers to the question whether a text has the `label` of a model.

    The classes are then `not label` and `label`, by the model's name. Data whose rows name one
    class each stay as they are: they must know these two classes.

    Args:
        spec: the data set.
        path: the file to look into.
        labels: all labels of the model, in its order.
        label: one of them.

    Raises:
        InputError: the file cannot be read, or which label each name means cannot be known.
    """
    if not has_several(spec, path):
        try:
            match_labels(spec, path, OneLabel(label, label, ()).classes)
        except InputError as error:
            raise InputError(error.what, where=error.where, line=error.line, hint=_FORMS) from None
        return spec
    known = match_labels(spec, path, labels, several=True)
    return spec.about(OneLabel(label, known[list(labels).index(label)], known))


def labels_of(spec: DatasetSpec, path: Path) -> tuple[str, ...]:
    """The labels that a data set of several knows: the spec's, or those of a file in their order.

    Raises InputError for a file in which no row has a label.
    """
    columns = tuple(map(spec.renaming, spec.label_columns or ()))
    found = spec.labels or columns or in_order(labels_met(spec, path, several=True))
    if not found:
        raise InputError("no row has a label", where=path, hint="check the label column")
    return found
