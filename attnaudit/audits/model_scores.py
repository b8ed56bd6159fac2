"""How good the audited model is on the audited instances: without that no audit means much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.scores import auroc, f1, majority_accuracy
from attnaudit.measures.summary import Estimate


def model_scores(
    gold: NDArray[np.int64], probs: NDArray[np.float64], bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Accuracy, F1, AUROC (two classes) and the accuracy of the commonest class.

    `gold` (n,) and `probs` (n, classes) are the rows that `bootstrap` resamples.
    """
    right = (probs.argmax(1) == gold).astype(float)
    (accurate,) = bootstrap.means(right[:, None])
    scores = {
        "model.accuracy": accurate,
        "model.f1": bootstrap.statistic(f1, gold, probs),
        "model.majority_accuracy": Estimate(majority_accuracy(gold), n=len(gold)),
    }
    if probs.shape[1] == 2:
        scores["model.auroc"] = bootstrap.statistic(auroc, gold, probs)
    return scores
