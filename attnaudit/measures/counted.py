"""Scores of many resamples of the same instances, from how often each holds each instance.

Every function sorts or sums its instances once and gives a function from counts (n,) to the score
of that resample, None where it is undefined: what the score of the same name says of the instances
repeated so often (`scores`; median and rank correlation as numpy and scipy have them).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Score = Callable[[Counts], float | None]


def f1_of_counts(gold: ArrayLike, probs: ArrayLike) -> Score:
    """F1 of class 1 of two, or the mean over classes, of gold classes (n,) and probs (n, classes).

    In [0, 1], higher is better.
    """
    probs = np.asarray(probs)
    classes = probs.shape[1]
    cells = np.asarray(gold, np.int64) * classes + probs.argmax(1)

    def score(counts: Counts) -> float | None:
        table = np.bincount(cells, counts, classes**2).reshape(classes, classes)
        right, met = table.diagonal(), table.sum(0) + table.sum(1)
        if classes == 2:
            right, met = right[1:], met[1:]
        seen = met > 0
        return float((2 * right[seen] / met[seen]).mean()) if seen.any() else None

    return score


def auroc_of_counts(gold: ArrayLike, scores: ArrayLike) -> Score:
    """AUROC of class 1 of two: gold classes (n,), and scores (n,) that are higher for class 1.

    In [0, 1], higher is better.
    """
    distinct, levels = np.unique(np.asarray(scores), return_inverse=True)
    cells = 2 * levels + np.asarray(gold)

    def score(counts: Counts) -> float | None:
        """Pairs of either class that are in the right order, ties counting one half."""
        table = np.bincount(cells, counts, 2 * len(distinct))
        negatives, positives = table[::2], table[1::2]  # by level
        pairs = negatives.sum() * positives.sum()
        below = negatives.cumsum() - negatives / 2
        return float(below @ positives / pairs) if pairs else None

    return score


def median_of_counts(values: ArrayLike) -> Score:
    """The median of values (n,), all of them defined."""
    values = np.asarray(values, np.float64)
    order = values.argsort()
    ranked = values[order]

    def score(counts: Counts) -> float | None:
        ends = counts[order].cumsum()
        n = int(ends[-1])
        if not n:
            return None
        low, high = np.searchsorted(ends, [(n - 1) // 2, n // 2], side="right")
        return float(ranked[low] + ranked[high]) / 2

    return score


def spearman_of_counts(a: ArrayLike, b: ArrayLike) -> Score:
    """Spearman's rank correlation of a (n,) and b (n,), where `a` is no NaN; in [-1, 1].

    None for fewer than two instances, and where all are tied.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    defined = np.flatnonzero(~np.isnan(a))
    levels = [np.unique(x[defined], return_inverse=True)[1] for x in (a, b)]

    def score(counts: Counts) -> float | None:
        held = counts[defined].astype(np.float64)
        n = held.sum()
        centred = []
        for level in levels:
            sizes = np.bincount(level, held)
            # The mean rank of a level, less the mean of all ranks.
            ranks = sizes.cumsum() - (sizes + n) / 2
            if np.count_nonzero(sizes) < 2:
                return None
            centred.append(ranks[level])
        x, y = centred
        return float(held @ (x * y) / np.sqrt((held @ (x * x)) * (held @ (y * y))))

    return score
