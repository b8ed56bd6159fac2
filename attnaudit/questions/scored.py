"""Settings of the questions that compare how well models do."""

from __future__ import annotations

from typing import Literal, get_args

import pydantic

from attnaudit.questions.shown import ShownSettings

ScoreName = Literal["macro_f1", "f1", "auroc", "auprc", "accuracy"]
SCORES: tuple[ScoreName, ...] = get_args(ScoreName)
# What each is called in tables and reasons.
IN_WORDS: dict[ScoreName, str] = {
    "macro_f1": "macro-F1",
    "f1": "F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "accuracy": "accuracy",
}


class ScoredSettings(ShownSettings):
    """By which score models are compared."""

    score: ScoreName = pydantic.Field(
        "macro_f1",
        description="The score that compares models. With `macro_f1` it is the mean of the F1 of "
        "all classes, and with `f1` the F1 of the last of two. With `auroc` or `auprc` it is the "
        "mean over classes of one class against the rest. With `accuracy` it is the share of "
        "right answers.",
    )
