"""How likely an interval of `two_level` is to decide, with other numbers of models and texts.

A figure that is a mean over S models and n texts has the variance

    Var(S, n) = seed / S + text / n + joint / (S n),

the parts of a table with two random factors (Searle, Casella & McCulloch 1992, Variance Components,
chapter 4). `components` estimates the three parts from models on texts. The interval decides where
it lies wholly above or wholly below delta. `chance` is the probability of that: the mean is normal
about the true effect, and the width of the interval is computed by the rule of `two_level` itself
from mean squares that are chi-square. The normal probability is averaged over these (so it is a
noncentral t where one part alone varies: Cohen 1988, Statistical Power Analysis, chapter 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, gammaincinv, ndtr  # type: ignore[import-untyped]

from attnaudit.measures.limits import LEVEL, UNBOUNDED, Bounds, quantile, unseen
from attnaudit.measures.two_level import Figures, Parts, margin

Array = NDArray[np.float64]
Line = float | tuple[float, float]  # one line, or the one to lie above and the one to lie below

ENOUGH = 0.8  # the chance from which a design is called large enough: four times in five
LEAST = 2  # models: with one there is no interval
MOST = 2**30  # models or texts: what would take more is called out of reach
TOO_WIDE = (0.2, 0.8)  # a range of chances beyond both ends says nothing
_NODES = {"seeds": 64, "texts": 8}  # of the averages over chi-squares


@dataclass(frozen=True)
class Components:
    """The parts of the variance of a mean over models and texts, each per unit and not below 0.

    `seed` is what a model adds, `text` what a text adds, and `joint` what a model adds on one text
    alone. `seeds` and `n` count the models and texts that they were estimated from, `units` the
    groups of these texts (`n` where there are none). `reach` is that of `two_level`. `stretch` is 1
    for the interval of `two_level`. For a figure whose margin for other models was made wider by a
    factor, found by simulation, it is that factor. `level` is how often the interval holds the
    truth.
    """

    seed: float
    text: float
    joint: float
    seeds: int
    n: int
    units: int
    reach: float | None = None
    stretch: float = 1.0
    level: float = LEVEL

    def variance(self, seeds: float, n: float) -> float:
        """Of the mean over so many models and texts."""
        return self.seed / seeds + self.text / n + self.joint / n / seeds

    def shares(self, seeds: float, n: float) -> tuple[float, float, float]:
        """The shares of models, texts, and both together in that variance; 0 where there is none.

        Each lies in [0, 1], and they add up to 1.
        """
        whole = self.variance(seeds, n)
        if whole <= 0:
            return 0.0, 0.0, 0.0
        return self.seed / seeds / whole, self.text / n / whole, self.joint / n / seeds / whole


def components(
    found: Figures, reach: float | None = None, stretch: float = 1.0, level: float = LEVEL
) -> Components | None:
    """The parts of the variance, by the method of moments: unbiased but for being cut at 0.

    None for fewer than two models, for one text or group only, and for undefined figures.
    """
    seeds, n = len(found.points), found.n
    if seeds < LEAST or not (
        np.isfinite(found.points).all() and np.isfinite(found.covariance).all()
    ):
        return None
    trace = float(found.covariance.trace())
    shared = (float(found.covariance.sum()) - trace) / (seeds * (seeds - 1))
    own = trace / seeds - shared  # the joint part over n, as the covariance has it
    text, joint = max(shared, 0.0) * n, max(own, 0.0) * n
    seed = max(float(found.points.var(ddof=1)) - joint / n, 0.0)
    return Components(seed, text, joint, seeds, n, found.units, reach, stretch, level)


def plausible(parts: Components, level: float = 0.8) -> tuple[Components, Components]:
    """The parts at the lower and the upper ends of intervals for them.

    The mean square of the models is chi-square with one degree of freedom less than there are
    models, and the part of the models is what is left of its ends. The parts of the texts, and of
    both together, are chi-square with one degree of freedom less than there are texts or groups.
    Both ends are taken together, so that the two hold all parts at least as often as `level` where
    one part decides, and more often where several do.
    """
    own = parts.joint / parts.n
    low, high = _chi_square_ends(parts.seed + own, parts.seeds - 1, level)
    less, more = _chi_square_ends(1.0, max(parts.units - 1, 1), level)
    return (
        replace(
            parts,
            seed=max(low - own, 0.0),
            text=less * parts.text,
            joint=less * parts.joint,
        ),
        replace(
            parts,
            seed=max(high - own, 0.0),
            text=more * parts.text,
            joint=more * parts.joint,
        ),
    )


def _chi_square_ends(square: float, df: float, level: float) -> tuple[float, float]:
    """The ends for a variance of which a mean square with `df` degrees of freedom is known."""
    tails = (1 - level) / 2, (1 + level) / 2  # upper ones of the chi-square
    low, high = (df * square / float(chdtri(df, tail)) for tail in tails)
    return low, high


def chance(
    parts: Components,
    seeds: float,
    n: float,
    effect: float,
    delta: Line,
    bounds: Bounds = UNBOUNDED,
) -> float:
    """The probability that the 95 % interval lies wholly above or wholly below `delta`.

    Args:
        parts: The parts of the variance.
        seeds: How many models, at least two; infinity for the limit of many.
        n: How many texts; infinity for the limit of many.
        effect: The true figure.
        delta: The line that the interval must not hold. Where there are two, the interval must
            lie above the first or below the second.
        bounds: What the figure can be, as `two_level` takes them.

    Returns:
        A probability. For an effect of `delta` itself it is near 1 less the level of the interval,
        whatever the size.

    Raises:
        ValueError: for fewer than two models.
    """
    if seeds < LEAST:
        raise ValueError(f"an interval needs {LEAST} models, not {seeds}")
    units = max(n * parts.units / parts.n, LEAST)
    drawn = _scaled(seeds - 1, _NODES["seeds"])[:, None]  # (A, 1)
    texted = _scaled(units - 1, _NODES["texts"])  # (B,)
    own, shared = parts.joint / n / seeds, parts.text / n
    between = (parts.seed + parts.joint / n) / seeds * drawn  # (A, 1)
    tail = (1 - parts.level) / 2
    of_models = parts.stretch * quantile(seeds - 1, tail) * np.sqrt(between)
    drawn_parts = Parts(between, shared * texted, (shared + own) * texted)
    half = margin(of_models, drawn_parts, units, tail)  # (A, B)
    least = 0.0 if parts.reach is None or math.isinf(n) else parts.reach * unseen(units, tail)
    error = math.sqrt(parts.variance(seeds, n))
    over, under = delta if isinstance(delta, tuple) else (delta, delta)
    above = effect - over - np.maximum(_margin(half, over, bounds, 1), least)
    below = under - effect - np.maximum(_margin(half, under, bounds, -1), least)
    if error == 0:
        return float(((above > 0) | (below > 0)).mean())
    return float(np.minimum(ndtr(above / error) + ndtr(below / error), 1.0).mean())


def _margin(half: Array, delta: float, bounds: Bounds, sign: int) -> Array:
    """How far from `delta`, above it or below by `sign`, the figure must lie for its interval.

    Inside a range the interval leans (see `limits.ends`): the distance solves an equation in the
    figure itself.
    """
    low, high = bounds
    if low is None or high is None:
        return half
    edge = 1e-3 * (high - low)
    far = half
    for _ in range(4):
        at = np.clip(delta + sign * far, low + edge, high - edge)
        far = half * np.sqrt((delta - low) * (high - delta) / ((at - low) * (high - at)))
    return far


@cache
def _scaled(df: float, count: int) -> Array:
    """(count,) equally likely values of a chi-square over its `df` degrees of freedom."""
    if math.isinf(df):
        return np.ones(1)
    middles = (np.arange(count) + 0.5) / count
    values: Array = gammaincinv(df / 2, middles) * 2 / df
    return values


def seeds_needed(
    parts: Components,
    n: float,
    effect: float,
    delta: Line,
    least: int = LEAST,
    bounds: Bounds = UNBOUNDED,
    enough: float = ENOUGH,
) -> int | None:
    """The fewest models, of at least `least`, with which `chance` reaches `enough` on `n` texts.

    None where no number of models does: the texts' part alone is too large.
    """
    return _fewest(lambda seeds: chance(parts, seeds, n, effect, delta, bounds), least, enough)


def texts_needed(
    parts: Components,
    seeds: int,
    effect: float,
    delta: Line,
    bounds: Bounds = UNBOUNDED,
    enough: float = ENOUGH,
) -> int | None:
    """The fewest texts with which `chance` reaches `enough` with `seeds` models.

    None where no number of texts does: the models' part alone is too large.
    """
    return _fewest(lambda n: chance(parts, seeds, n, effect, delta, bounds), LEAST, enough)


def both_needed(
    parts: Components,
    effect: float,
    delta: Line,
    bounds: Bounds = UNBOUNDED,
    enough: float = ENOUGH,
) -> tuple[int, int] | None:
    """The least multiple of both the present models and texts with which `chance` does.

    It is (models, texts); None where no multiple does, as for an effect of `delta` itself.
    """
    times = _fewest(
        lambda k: chance(parts, k * parts.seeds, k * parts.n, effect, delta, bounds), 1, enough
    )
    return None if times is None else (times * parts.seeds, times * parts.n)


def _fewest(found: Callable[[int], float], least: int, enough: float) -> int | None:
    """The least whole number from `least` on for which a chance that rises reaches `enough`.

    Sizes are tried from below, each twice the last.
    """
    if found(least) >= enough:
        return least
    low, high = least, 2 * least
    while found(high) < enough:
        low, high = high, 2 * high
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) >= enough else (middle, high)
    return high
