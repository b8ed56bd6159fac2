"""Metrics of how good a model is."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_SCORE, UNIT, MetricSpec


def scores(prefix: str, what: str) -> list[MetricSpec]:
    """Accuracy, F1 and AUROC under the name `prefix`, on the instances that `what` names."""
    return [
        MetricSpec(f"{prefix}.{name}", text, "fraction", "higher", LEAST_SCORE, UNIT)
        for name, text in (
            ("accuracy", f"Share of {what} whose predicted class is the gold one."),
            (
                "f1",
                f"F1 of the predictions on {what}: of the positive (last) class where there are "
                "two classes, else the unweighted mean over classes.",
            ),
            (
                "auroc",
                f"Area under the ROC curve on {what}: the chance that a positive instance scores "
                "above a negative one, ties counting one half (Hanley & McNeil 1982). Two classes "
                "only.",
            ),
        )
    ]


SPECS = (
    *scores("train.{split}", "the {split} instances"),
    *scores("model", "the audited instances"),
    MetricSpec(
        "model.majority_accuracy",
        "Accuracy on the audited instances of always predicting their most frequent class.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
    ),
)
