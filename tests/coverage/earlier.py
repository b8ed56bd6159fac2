"""The intervals of the first edition, to be put beside those of now: percentiles of resamples.

Two levels added draws of Student's t, from one fixed generator, to the resampled mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DRAWS = 2000
ENDS = (2.5, 97.5)


def counts_of(n: int, draws: int) -> Array:
    """How often each of `draws` resamples holds each of n instances: the same ones at each call."""
    generator = np.random.default_rng(0)
    rows = generator.integers(0, n, (draws, n))
    return np.stack([np.bincount(row, minlength=n) for row in rows]).astype(np.float64)


def means(samples: Array, draws: int = 400) -> Array:
    """(R, 2) ends for the mean of each of R samples, (R, n)."""
    n = samples.shape[1]
    return np.percentile(counts_of(n, draws) @ samples.T / n, ENDS, axis=0).T


def medians(samples: Array, draws: int = 400) -> Array:
    """(R, 2) ends for the median of each sample."""
    n = samples.shape[1]
    rows = np.random.default_rng(0).integers(0, n, (draws, n))
    return np.stack([np.percentile(np.median(x[rows], axis=1), ENDS) for x in samples])


def f1s(gold: Array, said: Array, draws: int = 400) -> Array:
    """(R, 2) ends for the F1 of class 1: gold and predicted classes of each sample, (R, n)."""
    counts = counts_of(gold.shape[1], draws)
    right, met = (counts @ x.T for x in (gold * said, gold + said))
    drawn = np.divide(2 * right, met, out=np.full(met.shape, np.nan), where=met > 0)
    return np.nanpercentile(drawn, ENDS, axis=0).T


def aurocs(gold: Array, shown: Array, draws: int = 400) -> Array:
    """(R, 2) ends for the AUROC of class 1."""
    counts = counts_of(gold.shape[1], draws)
    found = []
    for classes, scores in zip(gold, shown, strict=True):
        one, other = classes == 1, classes == 0
        beats = (scores[one][:, None] > scores[other]).astype(np.float64)
        pairs = counts[:, one].sum(1) * counts[:, other].sum(1)
        won = ((counts[:, one] @ beats) * counts[:, other]).sum(1)
        drawn = np.divide(won, pairs, out=np.full(draws, np.nan), where=pairs > 0)
        found.append(np.nanpercentile(drawn, ENDS))
    return np.stack(found)


def two_levels(values: Array) -> Array:
    """(R, 2) ends for the mean over seeds and instances, from values (R, S, n)."""
    _, seeds, n = values.shape
    drawn = counts_of(n, DRAWS) @ values.mean(1).T / n  # (draws, R)
    shifts = np.random.default_rng([seeds, DRAWS]).standard_t(seeds - 1, DRAWS)
    spread = values.mean(2).std(1, ddof=1) / np.sqrt(seeds)
    return np.percentile(drawn + shifts[:, None] * spread, ENDS, axis=0).T
