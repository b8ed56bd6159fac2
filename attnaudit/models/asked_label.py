"""Models that give several labels to a text: which label is asked about, as a yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attnaudit.data.dataset import Dataset
from attnaudit.data.names import ALL_LABELS, OneLabel
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError, ModelError, did_you_mean
from attnaudit.models.interface import AttentionModel, ModelSpec, capability
from attnaudit.models.load import Source

_SHOWN = 6  # labels that a line for the user lists


def about_label(source: Source, label: str | None) -> Source:
    """The model as it is audited: itself, or the question whether a text has one of its labels.

    The view of a label has two classes, `not label` and `label`, and the probabilities
    1 - sigmoid(z) and sigmoid(z) of the label's output z.

    Raises InputError where the model gives several labels and none is chosen, where it does not
    have that label, or where it gives one class to a text and a label is asked for.
    """
    if not source.several:
        if label is None:
            return source
        raise InputError(
            f"--label {label}: the model gives one class to each text, so there are no labels to"
            " choose from",
            where=source.name,
            hint="leave --label out",
        )
    if label is None:
        raise InputError(
            f"gives several labels to a text: {shortened(source.several)}",
            where=source.name,
            hint=f"choose one with --label, such as --label {source.several[0]!r}; `attnaudit audit"
            f" MODEL --data DATA --label {ALL_LABELS}` audits one after the other",
        )
    check_has(source, label)
    number = source.several.index(label)

    def build(data: Dataset, vocabulary: Vocabulary | None) -> tuple[AttentionModel, ModelSpec]:
        model, spec = source.build(data, vocabulary)
        ask = capability(model, "of_output")
        if ask is None:
            raise ModelError("cannot be asked about one label", where=source.name)
        return ask(number), spec

    classes = OneLabel(label, label, source.several).classes
    facts = {**source.facts, "classes": list(classes), "label": label}
    facts["label_of"] = len(source.several)
    return replace(source, labels=classes, build=build, facts=facts, label=label)


def check_has(source: Source, label: str) -> None:
    """Raise InputError where a model of several labels does not have this one."""
    if label in source.several:
        return
    near = did_you_mean(label, source.several)
    if label == ALL_LABELS:
        near = (
            f"`attnaudit audit MODEL --data DATA --label {ALL_LABELS}` audits one after the other"
        )
    raise InputError(
        f"--label {label}: the model has no such label; it has {shortened(source.several)}",
        where=source.name,
        hint=near,
    )


def shortened(labels: Sequence[str]) -> str:
    """Labels in a line for the user, a handful at most."""
    more = len(labels) - _SHOWN
    return ", ".join(labels[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
