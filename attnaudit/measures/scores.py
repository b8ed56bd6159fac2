"""How well a classifier does: accuracy, F1, AUROC, and the accuracy of a constant guess.

`gold` is (n,) class indices and `probs` (n, classes). A prediction is the class of the largest
probability, the lowest index where several are largest. All scores lie in [0, 1], more is better;
one that the data leave undefined is None, never NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _read(gold: ArrayLike, probs: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    gold, probs = np.asarray(gold, np.int64), np.asarray(probs, np.float64)
    if probs.ndim != 2 or gold.shape != probs.shape[:1]:
        raise ValueError(
            f"gold must be (n,) and probs (n, classes), not {gold.shape} and {probs.shape}"
        )
    return gold, probs


def accuracy(gold: ArrayLike, probs: ArrayLike) -> float | None:
    """The share of right predictions; None without instances."""
    gold, probs = _read(gold, probs)
    return float((probs.argmax(1) == gold).mean()) if gold.size else None


def f1(gold: ArrayLike, probs: ArrayLike) -> float | None:
    """F1: of class 1 if there are two classes, else the mean over classes (macro).

    Returns:
        2 tp / (2 tp + fp + fn). Classes that are never gold and never predicted have no F1 and are
        not part of the mean; None if that leaves nothing.
    """
    gold, probs = _read(gold, probs)
    classes = probs.shape[1]
    predicted = probs.argmax(1)
    right = np.bincount(gold[predicted == gold], minlength=classes)
    met = np.bincount(gold, minlength=classes) + np.bincount(predicted, minlength=classes)
    if classes == 2:
        right, met = right[1:], met[1:]
    seen = met > 0
    return float((2 * right[seen] / met[seen]).mean()) if seen.any() else None


def auroc(gold: ArrayLike, probs: ArrayLike) -> float | None:
    """The area under the ROC curve of class 1 of two.

    It is the chance that an instance of class 1 gets a higher probability than one of class 0,
    ties counting one half (Mann-Whitney); .5 is what a constant gets.

    Returns:
        None if one of the classes is absent, or if there are not two classes.
    """
    gold, probs = _read(gold, probs)
    positive = gold == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if probs.shape[1] != 2 or not n or not m:
        return None
    _, level, sizes = np.unique(probs[:, 1], return_inverse=True, return_counts=True)
    ranks = (sizes.cumsum() - (sizes - 1) / 2)[level]  # from 1, the mean rank where several tie
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def majority_accuracy(gold: ArrayLike) -> float | None:
    """The accuracy of always guessing the commonest class; None without instances."""
    gold = np.asarray(gold, np.int64)
    return float(np.bincount(gold).max() / gold.size) if gold.size else None
