"""The ends of 95 % intervals, from a figure and the variance that it has on other samples.

A figure of a closed range, such as a share, a score or a divergence, varies less the nearer it is
to an end of the range. Its interval must know this: an interval that takes the variance as fixed
has no width where every answer is right, and reaches beyond what the figure can be. All functions
here give ends inside the range.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrik, betaincinv, ndtri, stdtrit  # type: ignore[import-untyped]

Bounds = tuple[float | None, float | None]  # the least and the largest value; None: no such end
Ends = tuple[float, float]

LEVEL = 0.95
TAIL = (1 - LEVEL) / 2
NORMAL = 1.959963984540054  # the quantile of the normal distribution at 1 - TAIL
UNBOUNDED: Bounds = (None, None)
# Kernels and batches may move a value by as much, as a share of its range.
CONSTANT = 1e-5


def quantile(df: float, tail: float = TAIL) -> float:
    """The quantile of Student's t with `df` degrees of freedom that a share `tail` lies above.

    For infinitely many degrees it is that of the normal distribution.
    """
    return float(stdtrit(df, 1 - tail)) if math.isfinite(df) else float(-ndtri(tail))


def unseen(units: float, tail: float = TAIL) -> float:
    """The largest share of a population of which `units` draws may well hold none: in (0, 1].

    With that share none is drawn in `tail` of all cases: the upper end of Clopper and Pearson's
    interval for no success. For 2.5 % it is near 3.7 / units.
    """
    return -math.expm1(math.log(tail) / units)


def share_ends(successes: float, size: float) -> Ends:
    """The ends for a share of `successes` among `size` independent draws, which need not be whole.

    Clopper & Pearson 1934 (Biometrika 26): never less than 95 % coverage for independent draws. A
    size that is not whole is an effective one (Korn & Graubard 1998, Survey Methodology 24).
    """
    failures = size - successes
    low = betaincinv(successes, failures + 1, TAIL) if successes > 0 else 0.0
    high = betaincinv(successes + 1, failures, 1 - TAIL) if failures > 0 else 1.0
    return float(low), float(high)


def ends(value: float, half: float, bounds: Bounds = UNBOUNDED) -> Ends:
    """The ends for a figure whose margin of error is `half` where its range is far away.

    They are the numbers m with (value - m)^2 = h(m)^2, for a margin h(m) of a figure that truly is
    m. Its square is proportional to (m - a)(b - m) in a range from a to b, to m - a where there is
    no upper end, and constant where there is no end at all; at m = value it is that of `half`. For
    a share this gives Wilson's interval (Wilson 1927, Journal of the American Statistical
    Association 22).

    Args:
        value: The figure, inside `bounds`.
        half: A quantile times the standard error; not below 0.
        bounds: The range; with an upper end it must have a lower one.
    """
    low, high = bounds
    spread = half * half
    if low is None or not low < value:
        return _cut(value - half, bounds), _cut(value + half, bounds)
    if high is None:
        lean = spread / (value - low) / 2
        half = math.sqrt(lean * (2 * (value - low) + lean))
        above = value - low + lean + half
        return low + (value - low) ** 2 / above, low + above  # their product is the square
    width = high - low
    share = (value - low) / width
    if not 0 < share < 1:  # also where the figure lies nearer to an end than numbers can tell
        return _cut(value - half, bounds), _cut(value + half, bounds)
    # t^2 over the number of independent draws that a share of this variance would rest on.
    weight = spread / (width * width) / (share * (1 - share))
    centre = share + weight / 2
    half = math.sqrt(weight * share * (1 - share) + weight * weight / 4)
    above = centre + half
    found = (share * share / above, above / (1 + weight))  # as above, without cancellation
    return _cut(low + width * found[0], bounds), _cut(low + width * found[1], bounds)


def constant_ends(
    value: float, units: float, bounds: Bounds, reach: float | None = None, tail: float = TAIL
) -> Ends:
    """The ends for a figure of which `units` draws that all gave the same are all there is.

    Draws of another kind may have been missed if they are rare, see `unseen`. They could lie at
    either end of the range, and so move the figure; where the range has no end nothing is known,
    and that end is the figure itself. `reach`: how far they can move the figure at most, times
    their share.
    """
    share = unseen(units, tail)
    low, high = (
        value if end is None else value + share * _within(end - value, reach) for end in bounds
    )
    return _cut(low, bounds), _cut(high, bounds)


def median_ends(values: ArrayLike, size: float, bounds: Bounds = UNBOUNDED) -> Ends:
    """The ends for the median of `values` (n,), as order statistics: no shape is assumed.

    The ranks come from the binomial distribution of `size` draws (Conover 1999, Practical
    Nonparametric Statistics, section 3.2). A `size` below n is an effective one (Woodruff 1952,
    Journal of the American Statistical Association 47). Fewer than six draws do not tell: the ends
    are then those of the range.
    """
    ranked = np.sort(np.asarray(values, np.float64))
    n = len(ranked)
    below = float(bdtrik(TAIL, size, 0.5)) if size >= 6 else math.nan  # P(Binomial <= it) = TAIL
    if math.isnan(below):
        low, high = bounds
        return (
            float(ranked[0]) if low is None else low,
            float(ranked[-1]) if high is None else high,
        )
    place = min(math.floor(below * n / size), (n - 1) // 2)
    return float(ranked[place]), float(ranked[n - 1 - place])


def _within(distance: float, reach: float | None) -> float:
    return distance if reach is None else math.copysign(min(abs(distance), reach), distance)


def _cut(value: float, bounds: Bounds) -> float:
    low, high = bounds
    if low is not None and value < low:
        return low
    return high if high is not None and value > high else value


def is_at(values: ArrayLike, bounds: Bounds) -> NDArray[np.bool_]:
    """Which values are those of an end of the range: kernels and batches may move them a little."""
    values = np.asarray(values, np.float64)
    at = np.zeros(values.shape, np.bool_)
    low, high = bounds
    if low is not None and high is not None:
        for end in bounds:
            at |= abs(values - end) <= CONSTANT * (high - low)
    return at
