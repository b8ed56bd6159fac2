"""What each instance adds to scores that are no means: their values as means, see `sample.Linear`.

Scores are those of `scores`; rank correlation is as scipy has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.sample import Linear

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def f1_values(gold: ArrayLike, predicted: ArrayLike, classes: int, macro: bool = False) -> Array:
    """F1 of each of S models, of class 1 if there are two classes, else the mean over classes.

    Args:
        gold: (n,) class numbers.
        predicted: (S, n) class numbers.
        classes: How many classes there are.
        macro: Whether two classes have the mean over classes as well.

    Returns:
        (S, n) whose row means are the scores, in [0, 1], higher is better; NaN where undefined.
    """
    gold, predicted = np.asarray(gold, np.int64), np.asarray(predicted, np.int64)
    if predicted.ndim != 2 or predicted.shape[1:] != gold.shape or not len(predicted):
        raise ValueError(f"predicted must be (models, {len(gold)}), not {predicted.shape}")
    total, seen = np.zeros(predicted.shape), np.zeros((len(predicted), 1))
    for scored in _scored(classes, macro):
        said, due = predicted == scored, gold == scored  # (S, n), (n,)
        met = said.astype(np.float64) + due  # of which 2 for a right one
        each = met.mean(1, keepdims=True)  # (S, 1)
        there = each > 0
        share = np.where(there, each, 1.0)
        f1 = 2 * (said & due).mean(1, keepdims=True) / share
        total += np.where(there, f1 + (2.0 * (said & due) - f1 * met) / share, 0.0)
        seen += there
    values: Array = np.divide(total, seen, out=np.full(total.shape, np.nan), where=seen > 0)
    return values


def f1(gold: ArrayLike, probs: ArrayLike) -> Linear | None:
    """F1 of gold classes (n,) and probs (n, classes), as a mean; None where it is undefined."""
    gold, probs = np.asarray(gold, np.int64), np.asarray(probs)
    classes = probs.shape[1]
    predicted = probs.argmax(1)
    values = f1_values(gold, predicted[None], classes)[0]
    if np.isnan(values).any():
        return None
    return Linear(values, _draws_of_f1(gold, predicted, classes, False))


def f1_reach(gold: ArrayLike, classes: int, macro: bool = False) -> float:
    """How far instances that are not answered right move an F1 of 1, times their share."""
    gold = np.asarray(gold, np.int64)
    return len(gold) / _draws_of_f1(gold, gold, classes, macro)


def _scored(classes: int, macro: bool) -> range:
    """The classes whose F1 counts."""
    return range(1 if classes == 2 and not macro else 0, classes)


def _draws_of_f1(gold: Ints, predicted: Ints, classes: int, macro: bool) -> float:
    """Of how many draws an F1 of 0 or 1 has the certainty, were it a share.

    F1 = 2 J / (1 + J), and J = tp / (tp + fp + fn) is a share of the instances that are or are
    called so. With several classes the two that are met least often decide: one error lies in both.
    """
    draws = []
    for c in _scored(classes, macro):
        right = np.count_nonzero((gold == c) & (predicted == c))
        met = np.count_nonzero((gold == c) | (predicted == c))
        if met:
            draws.append((1 + right / met) ** 2 * met / 2)
    least = sorted(draws)[:2]
    if len(least) < 2:  # none: no instance is of class 1, and any that is called so decides
        return least[0] if least else 1.0
    return len(draws) / (1 / least[0] + 1 / least[1])


def auroc(gold: ArrayLike, scores: ArrayLike) -> Linear | None:
    """AUROC of class 1 of two: gold classes (n,), and scores (n,) that are higher for class 1.

    What an instance adds is its share of the other class that it stands on the right side of
    (DeLong et al. 1988, Biometrics 44). None if one of the classes is absent.
    """
    gold = np.asarray(gold, np.int64)
    _, level = np.unique(np.asarray(scores), return_inverse=True)
    positive = gold == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return None
    beneath = _below(level, ~positive) / m  # the share of negatives below, ties one half
    above = 1 - _below(level, positive) / n
    placed = np.where(positive, beneath, above)
    value = float(beneath[positive].mean())
    values = value + (placed - value) * np.where(positive, len(gold) / n, len(gold) / m)
    # As Hanley & McNeil 1982 (Radiology 143) have it where the figure is near 1.
    draws = 4 * n * m / (n + m)
    return Linear(values, draws, value * (1 - value) / draws)


def auroc_draws(gold: ArrayLike, classes: int) -> float:
    """Of how many draws an AUROC of 1, the mean of one class against the rest, has the certainty.

    As `auroc` has it for two classes. Classes that are absent, or alone, do not count.
    """
    counts = np.bincount(np.asarray(gold, np.int64), minlength=classes)
    n = int(counts.sum())
    met = counts[(counts > 0) & (counts < n)]
    return float((4 * met * (n - met) / n).min()) if len(met) else 1.0


def average_precision(gold: ArrayLike, scores: ArrayLike) -> Array | None:
    """Average precision of class 1 of two, as a mean: (n,) values whose mean it is.

    It is the mean over the positives of the precision among all that score as high as they do
    (as scikit-learn defines it). What an instance adds is the derivative in its weight. None
    without a positive.

    Args:
        gold: (n,) class numbers, 0 and 1.
        scores: (n,) numbers that are higher for class 1.
    """
    positive = (np.asarray(gold, np.int64) == 1).astype(np.float64)
    count = positive.sum()
    if not count:
        return None
    _, level = np.unique(np.asarray(scores), return_inverse=True)
    right, met = (np.bincount(level, w)[::-1].cumsum()[::-1] for w in (positive, positive + 1))
    met = met - right  # at each level: all that score as high
    precision = right / met
    each = np.bincount(level, positive)  # positives at each level
    # What one more instance at a level does to the precision at each level below and at it.
    gain, loss = (each / met).cumsum(), (each * precision / met).cumsum()
    value = float((positive * precision[level]).sum() / count)
    slope = positive * (precision[level] + gain[level] - value) - loss[level]
    values: Array = value + len(positive) * slope / count
    return values


def spearman(a: ArrayLike, b: ArrayLike) -> Linear | None:
    """Spearman's rank correlation of a (n,) and b (n,), in [-1, 1]; ties have their mean rank.

    None for fewer than three instances, and where all are tied. What an instance adds is what it
    adds to the correlation of the ranks, and what it does to the ranks of the others (Croux & Dehon
    2010, Statistical Methods & Applications 19).
    """
    levels = [np.unique(np.asarray(x, np.float64), return_inverse=True)[1] for x in (a, b)]
    n = len(levels[0])
    if n < 3 or any(level.max() == 0 for level in levels):
        return None
    ranks = np.stack([_below(level, np.ones(n, bool)) for level in levels]) / n  # (2, n)
    standard = (ranks - ranks.mean(1, keepdims=True)) / ranks.std(1, keepdims=True)
    x, y = standard
    r = float((x * y).mean())
    values = r + x * y - r * (x * x + y * y) / 2
    for level, rank, scale, mine, other in zip(
        levels, ranks, ranks.std(1), (x, y), (y, x), strict=True
    ):
        slope = (other - r * mine) / scale / n  # of the correlation in the rank of each
        # An instance lifts the ranks of those above it, and by half the ranks of its equals.
        sums = np.bincount(level, slope)
        lifted = sums[::-1].cumsum()[::-1] - sums / 2
        values += lifted[level] - slope @ rank
    return Linear(values, n)


def _below(level: NDArray[np.intp], counted: NDArray[np.bool_]) -> Array:
    """(n,) how many of the `counted` ones lie on a lower level, those of the same one half."""
    sizes = np.bincount(level[counted], minlength=int(level.max()) + 1)
    return np.asarray((sizes.cumsum() - sizes / 2)[level], np.float64)
