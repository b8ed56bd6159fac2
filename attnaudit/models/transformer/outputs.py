"""What a network's outputs say: a class each, or one number that speaks for a second class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from attnaudit.errors import ModelError

_NAMELESS = "LABEL_0"  # what transformers calls the only output where nobody named it


def class_names(config: Any) -> tuple[str, ...]:
    """The names of the classes in order; LABEL_0, LABEL_1 where nobody named them.

    A network of one output, such as a reranker or a reward model, has two classes: what it speaks
    for comes second, and before it "not ..." that.
    """
    names = [str(config.id2label[i]) for i in sorted(config.id2label)]
    if len(names) == 1:
        names = [_NAMELESS, "LABEL_1"] if names[0] == _NAMELESS else [f"not {names[0]}", *names]
    return tuple(names)


def as_classes(logits: Tensor) -> Tensor:
    """Logits (B, C) of at least two classes: [0, z] for one output z, the logit of a sigmoid."""
    return nn.functional.pad(logits, (1, 0)) if logits.shape[-1] == 1 else logits


def check_task(config: Any, labels: Sequence[str], where: str) -> None:
    """Raise ModelError for a network whose outputs are no scores of classes."""
    if len(set(labels)) < len(labels):
        raise ModelError(
            "two of its classes have the same name",
            where=where,
            hint="give each class its own name in id2label of its config.json",
        )
    problem = config.problem_type
    if problem == "multi_label_classification":
        raise ModelError(
            "gives several labels to a text (problem_type multi_label_classification), but the "
            "audits need a model that gives one class: its outputs must be a distribution over "
            "classes",
            where=where,
            hint="audit a classifier that gives one label",
        )
    if problem not in (None, "single_label_classification"):
        raise ModelError(
            f"predicts numbers, not a class (problem_type {problem!r:.40}): an amount has no"
            " probability that could move",
            where=where,
            hint="audit a classifier; a reranker or reward model has problem_type null",
        )
