"""What a network's outputs say: a class each, a label each, or one number for a second class.

A network that gives several labels to a text (`problem_type` multi_label_classification) has an
output a label, and the sigmoid of that output says whether the text has the label. No output
bears on another. So the question whether a text has the label l is a task of its own, with the
classes `not l` and `l` and the logits [0, z_l]: their softmax is 1 - sigmoid(z_l) and sigmoid(z_l),
exactly. The audits ask one such question at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from attnaudit.errors import ModelError

_NAMELESS = "LABEL_0"  # what transformers calls the only output where nobody named it


def gives_several(config: Any) -> bool:
    """Whether a network gives several labels to a text, or none: each output speaks for itself.

    Where nothing is said (`problem_type` null), several outputs are classes of which a text has
    one, as transformers itself takes them.
    """
    return bool(config.problem_type == "multi_label_classification")


def class_names(config: Any) -> tuple[str, ...]:
    """The names of the classes, or of several labels, in order; LABEL_0 and so on if not named.

    A network of one output, such as a reranker or a reward model, has two classes: what it speaks
    for comes second, and before it "not ..." that.
    """
    names = [str(config.id2label[i]) for i in sorted(config.id2label)]
    if len(names) == 1 and not gives_several(config):
        names = [_NAMELESS, "LABEL_1"] if names[0] == _NAMELESS else [f"not {names[0]}", *names]
    return tuple(names)


def as_classes(logits: Tensor, output: int | None = None) -> Tensor:
    """Logits (B, C) of at least two classes: [0, z] for one output z, the logit of a sigmoid.

    `output` is the number of the one that is asked about; None: all that there are.
    """
    if output is not None:
        logits = logits[..., output : output + 1]
    return nn.functional.pad(logits, (1, 0)) if logits.shape[-1] == 1 else logits


def check_task(config: Any, labels: Sequence[str], where: str) -> None:
    """Raise ModelError for a network whose outputs are no scores of classes or labels."""
    if len(set(labels)) < len(labels):
        raise ModelError(
            "two of its classes have the same name",
            where=where,
            hint="give each class its own name in id2label of its config.json",
        )
    problem = config.problem_type
    if problem not in (None, "single_label_classification") and not gives_several(config):
        raise ModelError(
            f"predicts numbers, not a class (problem_type {problem!r:.40}): an amount has no"
            " probability that could move",
            where=where,
            hint="audit a classifier; a reranker or reward model has problem_type null",
        )
