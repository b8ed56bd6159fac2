"""How far apart two distributions are: total variation, Kullback-Leibler, Jensen-Shannon.

All take distributions over their last axis and broadcast over the others; one vector gives a
scalar. Logarithms are natural and `0 * log 0` is 0, exactly: nothing is clipped away from zero or
padded with a small constant, so that equal inputs give 0 and disjoint ones the bound itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr, xlogy  # type: ignore[import-untyped]

Array = NDArray[np.float64]
LN2 = math.log(2.0)


def _pair(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if p.shape[-1:] != q.shape[-1:]:
        # Broadcasting a last axis of 1 would compare distributions over different things.
        raise ValueError(f"distributions over different sizes: shapes {p.shape} and {q.shape}")
    return p, q


def tvd(p: ArrayLike, q: ArrayLike) -> Array:
    """Total variation distance, `1/2 sum |p - q|`.

    Args:
        p: Distributions, (..., n).
        q: Distributions, (..., n).

    Returns:
        (...), in [0, 1]; 0 where the two are equal. For two classes it is the difference in
        either probability: twice the figure that Wiegreffe & Pinter's (2019) code prints.

    Raises:
        ValueError: The last axes differ in size.
    """
    p, q = _pair(p, q)
    distance: Array = 0.5 * np.abs(p - q).sum(-1)
    return distance


def kl(p: ArrayLike, q: ArrayLike) -> Array:
    """Kullback-Leibler divergence of `q` from `p`, `sum p ln(p / q)`.

    Args:
        p: Distributions, (..., n).
        q: Distributions, (..., n).

    Returns:
        (...), in nats, in [0, inf]; infinite where `q` is 0 and `p` is not.

    Raises:
        ValueError: The last axes differ in size.
    """
    p, q = _pair(p, q)
    # Rounding may leave a sum that should be 0 just below it.
    divergence: Array = np.maximum(rel_entr(p, q).sum(-1), 0.0)
    return divergence


def jsd(p: ArrayLike, q: ArrayLike) -> Array:
    """Jensen-Shannon divergence, `1/2 KL(p, m) + 1/2 KL(q, m)` with `m = (p + q) / 2`.

    Args:
        p: Distributions, (..., n).
        q: Distributions, (..., n).

    Returns:
        (...), in nats, in [0, ln 2]; 0 where the two are equal, ln 2 where they share no support.

    Raises:
        ValueError: The last axes differ in size.
    """
    p, q = _pair(p, q)
    # Doubling p and q in place of halving their sum is the same figure, and the half of the
    # smallest positive number would be 0 and turn the divergence infinite.
    total = p + q
    divergence: Array = 0.25 * (rel_entr(2.0 * p, total) + rel_entr(2.0 * q, total)).sum(-1)
    return np.clip(divergence, 0.0, LN2)


def max_jsd(alpha: ArrayLike) -> Array:
    """The largest Jensen-Shannon divergence that any distribution attains against `alpha`.

    The divergence is convex in its second argument, so a vertex of the simplex attains the
    largest: all weight on the position where `alpha` is least, a, which gives
    `ln 2 + 1/2 (a ln a - (1 + a) ln(1 + a))`.

    Args:
        alpha: Distributions, (..., n), n at least 1. Every position counts as one that weight
            may move to, so padding must be cut off first.

    Returns:
        (...), in nats, in [0, ln 2]; 0 for a single position, .2158 for two equal ones.
    """
    least = np.asarray(alpha, np.float64).min(-1)
    largest: Array = LN2 + 0.5 * (xlogy(least, least) - (1.0 + least) * np.log1p(least))
    return np.maximum(largest, 0.0)
