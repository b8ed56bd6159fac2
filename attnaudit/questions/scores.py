"""Metrics of how good a model is."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_SCORE, UNIT, MetricSpec

# What an F1 is everywhere in this tool.
F1_FORMULA = "2 TP / (2 TP + FP + FN); more than two classes: the mean of this over the classes"
F1_TRAP = (
    "With two classes it is the F1 of the last class, so the order of the labels matters. With "
    "more classes every class counts the same, even a rare one."
)
F1_SOURCE = "van Rijsbergen 1979, Information Retrieval, chapter 7"


def scores(prefix: str, what: str, beside: str) -> list[MetricSpec]:
    """Accuracy, F1 and AUROC under the name `prefix`, on the instances that `what` names."""
    return [
        MetricSpec(
            f"{prefix}.accuracy",
            f"The share of {what} whose predicted class is the gold class.",
            "fraction",
            "higher",
            LEAST_SCORE,
            UNIT,
            formula="mean over texts of [argmax_c p(c) = gold]",
            beside=(beside,),
            traps="If one class is very common, a constant guess scores high as well.",
            source="common usage",
        ),
        MetricSpec(
            f"{prefix}.f1",
            f"How well the model finds each class in {what}: the harmonic mean of precision and "
            "recall.",
            "fraction",
            "higher",
            LEAST_SCORE,
            UNIT,
            formula=F1_FORMULA,
            beside=(f"{prefix}.accuracy",),
            traps=F1_TRAP,
            source=F1_SOURCE,
        ),
        MetricSpec(
            f"{prefix}.auroc",
            f"How well the model ranks {what}: the chance that a positive text gets a higher "
            "probability than a negative one.",
            "fraction",
            "higher",
            LEAST_SCORE,
            UNIT,
            formula="(pairs ranked right + pairs tied / 2) / all pairs of a positive and a "
            "negative text",
            beside=(f"{prefix}.accuracy",),
            traps="It exists for two classes only. A constant answer gets .5.",
            source="Hanley & McNeil 1982",
        ),
    ]


SPECS = (
    *scores("train.{split}", "the {split} texts", "train.{split}.f1"),
    *scores("model", "the audited texts", "model.majority_accuracy"),
    MetricSpec(
        "model.majority_accuracy",
        "The accuracy of always answering the most frequent class of the audited texts.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula="max_c n_c / n, with n_c the texts of gold class c",
        beside=("model.accuracy",),
        traps="A model that scores less tells nothing about attention.",
        source="common usage",
    ),
)
