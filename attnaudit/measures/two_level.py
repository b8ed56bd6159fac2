"""Intervals for figures of several trained models: other seeds, and other instances.

A figure of a recipe would have come out otherwise with other seeds, and on other instances. Model s
on instance i gives

    figure = mean + what seed s adds + what instance i adds + what the two add together,

and the mean over S seeds and n instances varies by the sum of three parts: that between seeds over
S, that between instances over n, and the joint one over S n. Both the spread of the seeds' own
figures and the sampling of the instances hold the joint part; it is counted once. (Analysis of
variance with two random factors, by the method of moments: Searle, Casella & McCulloch 1992,
Variance Components, chapter 4.) The quantile is that of Student's t, with the degrees of freedom of
Satterthwaite 1946 (Biometrics Bulletin 2): few where the spread of the seeds' figures decides, many
where instances do. That spread is one mean square. So it has the degrees of freedom of the seeds,
also for the joint part in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.limits import LEVEL, UNBOUNDED, Bounds, constant_ends, ends, is_at
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Estimate

Array = NDArray[np.float64]

_MANY = 1e9  # degrees of freedom, at most: Student's t is normal long before


@dataclass(frozen=True)
class Figures:
    """A figure of each of S models on the same instances, NaN where it is undefined.

    `points` (S,) are the figures. `covariance` (S, S) says how far they would move, and how far
    together, on other instances; it is NaN where there is one instance or group only. `n` and
    `units` count the instances, and their groups.
    """

    points: Array
    covariance: Array
    n: int
    units: int


def figures(values: ArrayLike, sample: Sample) -> Figures:
    """The means over instances of values (S, n); all those of a model may be NaN.

    Raises ValueError for values of another shape.
    """
    values = np.asarray(values, np.float64)
    return Figures(values.mean(1), sample.covariance(values), sample.n, sample.units)


def two_level(
    found: Figures, bounds: Bounds = UNBOUNDED, reach: float | None = None, level: float = LEVEL
) -> Estimate:
    """The mean over seeds of a figure inside `bounds`, with its interval over both levels.

    Args:
        found: The figure of each seed.
        bounds: What the figure can be.
        reach: For a figure whose own variance may say too little, as a difference of two scores
            does where both are perfect: how far instances of another kind could move it, times
            their share. The interval is never narrower than what may have been missed of them, see
            `limits.constant_ends`.
        level: How often the interval holds the truth; 95 % unless an analysis is repeated.

    Returns:
        An estimate. Its interval is None for a single seed, which says nothing of others, and
        where there is one instance or group only; its value is None if some seed leaves the
        figure undefined.
    """
    points, n = found.points, found.n
    seeds = len(points)
    if not np.isfinite(points).all():
        return Estimate(None, undefined=n, reason="undefined on these texts")
    value = float(points.mean())
    if seeds == 1:
        reason = "no interval: one seed does not show how much seeds differ"
        return Estimate(value, n=n, reason=reason)
    if not np.isfinite(found.covariance).all():
        return Estimate(value, n=n, reason="no interval: only one text or group gave a value")
    parts = variance_parts(found)
    tail = (1 - level) / 2
    low, high = ends(value, parts.variance, parts.df, bounds, tail)
    if reach is not None or is_at(points, bounds).all():
        least, most = constant_ends(value, found.units, bounds, reach, tail)
        low, high = min(low, least), max(high, most)
    return Estimate(value, min(low, value), max(high, value), n)


@dataclass(frozen=True)
class Parts:
    """The variance of a mean over seeds and instances, and Satterthwaite's degrees of freedom."""

    variance: float
    df: float


def variance_parts(found: Figures) -> Parts:
    """The variance of the mean over seeds; there are at least two of them."""
    seeds = len(found.points)
    between = float(found.points.var(ddof=1)) / seeds  # the seeds' part, and the joint one
    whole = float(found.covariance.mean())  # the instances' part, and the joint one
    shared = float(found.covariance.sum() - found.covariance.trace()) / (seeds * (seeds - 1))
    # Where little is to be estimated the parts may contradict each other: the whole is no less than
    # what the instances make for these very seeds.
    variance = max(between + shared, whole)
    if variance <= 0:
        return Parts(0.0, seeds - 1)
    return Parts(variance, float(freedom(between, variance, seeds, found.units)))


def freedom(between: ArrayLike, variance: ArrayLike, seeds: float, units: float) -> Array:
    """Satterthwaite's degrees of freedom of a `variance` of which the seeds' spread is `between`.

    Both have one shape; where there is no variance, those of the instances, of which `units` count.
    """
    variance = np.asarray(variance, np.float64)
    share = np.divide(
        np.minimum(between, variance), variance, out=np.zeros(variance.shape), where=variance > 0
    )
    spread = share**2 / (seeds - 1) + (1 - share) ** 2 / (units - 1)
    known = np.full(spread.shape, _MANY)
    np.divide(1.0, spread, out=known, where=spread > 1 / _MANY)
    return known
