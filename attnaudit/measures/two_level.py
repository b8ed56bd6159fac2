"""Intervals for figures of several trained models: other seeds, and other instances.

A figure of a recipe would have come out otherwise on other instances, and with other seeds. Two
levels give an interval for both: instances, or groups of them, are resampled, the same ones for
every model; and to the mean over the S models of each resample is added `T sd / sqrt(S)`, where
`sd` is the standard deviation over the models on all instances, and T is drawn from Student's t
with S - 1 degrees of freedom. (Resampling a handful of seeds would be too narrow: three of them
give .92 at best.)

Figures of S models are a pair of arrays, `points` (S,) on all instances and `draws` (draws, S) on
the resamples, NaN where they are undefined. Figures of one bootstrap stay paired, so that those of
two kinds of model with the same seeds can be subtracted, points and draws alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.intervals import PERCENTILES, Bootstrap
from attnaudit.measures.summary import Estimate

Array = NDArray[np.float64]


def f1_draws(
    gold: ArrayLike, predicted: ArrayLike, classes: int, bootstrap: Bootstrap
) -> tuple[Array, Array]:
    """F1 of each model: of class 1 if there are two classes, else the mean over classes.

    It is what `scores.f1` gives, but a resample takes a product of counts in place of another pass
    over the instances.

    Args:
        gold: (n,) class numbers.
        predicted: (S, n) class numbers.
        classes: How many classes there are.
        bootstrap: Resamples of the n instances.

    Returns:
        `points` (S,) and `draws` (draws, S), in [0, 1], higher is better.
    """
    gold, predicted = np.asarray(gold, np.int64), np.asarray(predicted, np.int64)
    _check(predicted, bootstrap)
    scored = np.arange(1 if classes == 2 else 0, classes)[:, None, None]  # (K, 1, 1)
    said, due = predicted == scored, gold == scored  # (K, S, n), (K, 1, n)
    cells = (said & due, said, due)  # right; predicted and gold, whose sum is 2 tp + fp + fn
    counted = np.concatenate([cell.reshape(-1, bootstrap.n) for cell in cells])
    sizes = [len(scored) * len(predicted)] * 2 + [len(scored)]

    def score(sums: Array) -> Array:
        """(draws, columns) to (draws, S)."""
        parts = np.split(sums, np.cumsum(sizes)[:-1], axis=1)
        right, said, due = (part.reshape(len(sums), len(scored), -1) for part in parts)
        met = said + due  # (draws, K, S)
        seen = met > 0
        each = np.divide(2 * right, met, out=np.zeros_like(met), where=seen)
        number = seen.sum(1)
        undefined = np.full(number.shape, np.nan)
        mean: Array = np.divide(each.sum(1), number, out=undefined, where=number > 0)
        return mean

    columns = counted.T.astype(np.float64)  # (n, columns)
    return score(columns.sum(0)[None])[0], score(_resampled(columns, bootstrap))


def mean_draws(values: ArrayLike, bootstrap: Bootstrap) -> tuple[Array, Array]:
    """The mean over instances of `values` (S, n), all of them defined: points and draws."""
    values = np.asarray(values, np.float64)
    _check(values, bootstrap)
    sums = _resampled(np.vstack([values, np.ones(bootstrap.n)]).T, bootstrap)
    return values.mean(1), sums[:, :-1] / sums[:, -1:]


def two_level(
    points: Array, draws: Array, n: int, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """The mean over seeds of a figure on `n` instances, with its 95 % interval over both levels.

    An interval from few seeds may reach beyond what the figure can be; it is cut at `bounds`.

    Returns:
        An estimate. Its interval is None for a single seed, which says nothing of others, and
        where there is one instance or group only; its value is None if some seed leaves the
        figure undefined.

    Raises:
        ValueError: `points` and `draws` are not of the same seeds.
    """
    seeds = len(points)
    if draws.ndim != 2 or draws.shape[1] != seeds or not seeds:
        raise ValueError(f"draws must be (draws, {seeds}), not of shape {draws.shape}")
    if not np.isfinite(points).all():
        return Estimate(None, undefined=n, reason="undefined on these instances")
    value = float(points.mean())
    if seeds == 1:
        reason = "no interval: one seed does not tell how much seeds differ"
        return Estimate(value, n=n, reason=reason)
    # A generator of its own: the same shifts for every figure of so many seeds, and none that the
    # resampling of instances has used.
    shifts = np.random.default_rng([seeds, len(draws)]).standard_t(seeds - 1, len(draws))
    drawn = draws.mean(1) + shifts * points.std(ddof=1) / np.sqrt(seeds)
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size:
        return Estimate(value, n=n, reason="no interval: no resample gave a value")
    low, high = np.clip(np.percentile(drawn, PERCENTILES), *bounds)
    return Estimate(value, float(low), float(high), n)


def _resampled(columns: Array, bootstrap: Bootstrap) -> Array:
    """(draws, columns) sums of each resample; NaN where there is one instance or group only."""
    if bootstrap.units < 2:
        return np.full((bootstrap.draws, columns.shape[1]), np.nan)
    return bootstrap.sums(columns)


def _check(values: NDArray[np.generic], bootstrap: Bootstrap) -> None:
    if values.ndim != 2 or values.shape[1] != bootstrap.n or not len(values):
        raise ValueError(f"values must be (seeds, {bootstrap.n}), not of shape {values.shape}")
