"""How far two rankings of the same tokens agree, and whether by more than chance."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr  # type: ignore[import-untyped]

Array = NDArray[np.float64]

EXACT_TOKENS = 33  # up to here, without ties, the exact null distribution gives the p-value
SORTING_TOKENS = 500  # from here on sorting beats comparing all pairs
CHUNK_CELLS = 2**21  # signs held at once: 8 MiB of float32, and every partial count exact in it


def kendall_matrix(scores: ArrayLike) -> tuple[Array, Array]:
    """Kendall's tau-b between every pair of measures, and its two-sided p-value.

    Tau-b is the cosine of the two vectors of pairwise signs, so that one matrix product gives all
    pairs of measures at once. The p-value comes from the exact null distribution where no score
    is tied and there are at most 33 tokens or at most one discordant (or concordant) pair;
    elsewhere from the normal approximation with its correction for ties: what
    `scipy.stats.kendalltau` does. Scores tie when they are exactly equal. (Kendall 1970, Rank
    Correlation Methods.)

    Args:
        scores: (measures, tokens); larger is more important. Infinite scores are ranked as such.

    Returns:
        tau, in [-1, 1] with 1 for the same order, and p, in [0, 1]; both (measures, measures),
        symmetric. Both are NaN for a measure that is constant or holds a NaN, and throughout
        when there are fewer than two tokens. Note that p <= .05 is out of reach below five
        tokens, and easier to reach the more tokens there are.

    Raises:
        ValueError: `scores` is not two-dimensional.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 2:
        raise ValueError(f"scores must be (measures, tokens), not of shape {scores.shape}")
    tau, p = kendall_matrices(scores[None])
    return tau[0], p[0]


def kendall_matrices(scores: Array) -> tuple[Array, Array]:
    """`kendall_matrix` of many texts of one length: (texts, measures, measures) each.

    `scores` is (texts, measures, tokens).
    """
    texts, count, n = scores.shape
    tau = np.full((texts, count, count), np.nan)
    p = tau.copy()
    usable = (scores != scores[..., :1]).any(-1) & ~np.isnan(scores).any(-1)  # (texts, measures)
    if n > SORTING_TOKENS:
        for text in np.flatnonzero(usable.any(1)):
            block = np.ix_(usable[text], usable[text])
            tau[text][block], p[text][block] = _by_sorting(scores[text, usable[text]])
        return tau, p
    step = max(1, CHUNK_CELLS // max(1, count * n * n))
    both = usable[:, :, None] & usable[:, None]
    for start in range(0, texts if usable.any() else 0, step):
        some = slice(start, start + step)
        balance = _balances(scores[some])
        untied = balance.diagonal(axis1=1, axis2=2)  # (texts, measures)
        with np.errstate(divide="ignore", invalid="ignore"):  # of what is not usable
            found = balance / np.sqrt(untied[:, :, None] * untied[:, None])
            chance = _kendall_p(scores[some], balance, untied)
        tau[some], p[some] = (
            np.where(both[some], found, np.nan),
            np.where(both[some], chance, np.nan),
        )
    return tau, p


def _by_sorting(scores: Array) -> tuple[Array, Array]:
    """Tau and p, one pair of measures after another."""
    from scipy.stats import kendalltau  # type: ignore[import-untyped]  # takes a second

    count = len(scores)
    tau, p = np.empty((count, count)), np.empty((count, count))
    for i in range(count):
        for j in range(i + 1):
            tau[i, j], p[i, j] = tau[j, i], p[j, i] = kendalltau(scores[i], scores[j])
    return tau, p


def _balances(scores: Array) -> Array:
    """Concordant minus discordant pairs of tokens: (texts, measures, measures)."""
    texts, count, n = scores.shape
    balance = np.zeros((texts, count, count))
    rows = max(1, CHUNK_CELLS // (texts * count * n))
    for start in range(0, n, rows):
        signs = signs_of(scores, slice(start, start + rows)).reshape(texts, count, -1)
        balance += signs @ signs.transpose(0, 2, 1)
    return balance / 2  # every pair was met in both orders


def signs_of(scores: Array, rows: slice = slice(None)) -> NDArray[np.float32]:
    """1 where a token of `rows` has a larger score than another, -1 where a smaller: (..., r, n).

    Of scores (..., n).
    """
    ours, others = scores[..., rows, None], scores[..., None, :]
    # Comparisons, because the difference of two infinities is NaN.
    return np.subtract(ours > others, ours < others, dtype=np.float32)


def _kendall_p(scores: Array, balance: Array, untied: Array) -> Array:
    """Two-sided p-values, shaped as `balance`, the concordant minus discordant pairs."""
    n = scores.shape[-1]
    pairs = n * (n - 1) // 2
    fewer = (pairs - np.abs(balance)) / 2  # the rarer of concordant and discordant, if no ties
    clean = untied == pairs
    exact = clean[:, :, None] & clean[:, None] & ((n <= EXACT_TOKENS) | (fewer <= 1))
    p = np.empty_like(balance)
    p[exact] = _exact_p(n)[fewer[exact].astype(int)]
    texts = ~exact.all((1, 2))
    if texts.any():
        normal = _normal_p(scores[texts], balance[texts], pairs - untied[texts])
        p[texts] = np.where(exact[texts], p[texts], normal)
    return p


@functools.lru_cache(maxsize=4096)
def _exact_p(n: int) -> Array:
    """P-values by the number of discordant pairs, up to half of all; two entries for long lists.

    The number of discordant pairs of a random order is a sum of independent uniform counts, on
    0..j-1 for j = 2..n.
    """
    if n > EXACT_TOKENS:
        # Python refuses to divide by such large factorials; e^-745 is the least float anyway.
        return np.array([2.0 * math.exp(-math.lgamma(m + 1)) for m in (n, n - 1)])
    mass = np.ones(1)
    for j in range(2, n + 1):
        mass = np.convolve(mass, np.full(j, 1.0 / j))
    return np.minimum(2.0 * np.cumsum(mass), 1.0)


def _normal_p(scores: Array, balance: Array, tied: Array) -> Array:
    """P-values from the normal approximation, its variance corrected for ties."""
    n = scores.shape[-1]
    triples, spread = np.zeros(tied.shape), np.zeros(tied.shape)
    for text, i in zip(*np.nonzero(tied), strict=True):
        size = np.unique(scores[text, i], return_counts=True)[1].astype(np.float64)
        triples[text, i] = (size * (size - 1) * (size - 2)).sum()
        spread[text, i] = (size * (size - 1) * (2 * size + 5)).sum()
    m = n * (n - 1.0)
    variance = (m * (2 * n + 5) - spread[:, :, None] - spread[:, None]) / 18
    variance += 2 * (tied[:, :, None] * tied[:, None]) / m
    variance += triples[:, :, None] * triples[:, None] / (9 * m * max(n - 2, 1))
    p: Array = 2.0 * ndtr(-np.abs(balance) / np.sqrt(variance))
    return p


def weighted_tau(a: ArrayLike, b: ArrayLike) -> float:
    """Kendall's tau with additive hyperbolic weights: agreement at the top counts most.

    An exchange of the tokens at ranks r and s (from 0) weighs 1/(r+1) + 1/(s+1). The mean is
    taken over the ranks by `a` and by `b`, so the two may be swapped. Its null distribution has no
    closed form; random rankings of 20 tokens have mean 0 and standard deviation .21. (Vigna 2015,
    A Weighted Correlation Index for Rankings with Ties.)

    Args:
        a: Scores, (tokens,); larger is more important.
        b: Scores, (tokens,).

    Returns:
        In [-1, 1], 1 for the same order; NaN if either is constant or holds a NaN.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if np.isnan(a).any() or np.isnan(b).any():
        return math.nan
    return float(_weighted()(a, b, rank=True).statistic)


@functools.cache
def _weighted() -> Callable[..., Any]:
    """What scipy has around its function, for axes, masks and NaN, takes five times as long."""
    from scipy.stats import weightedtau  # takes a second

    inner: Callable[..., Any] = inspect.unwrap(weightedtau)
    return inner


def top_overlap(a: ArrayLike, b: ArrayLike, k: int) -> float:
    """The share of the k most important tokens that two lists have in common.

    Where the k-th place is tied, the tied tokens share the places left at equal parts, which is
    the chance of each to be in the top k when ties are broken at random: position never decides.
    A token is common to both tops to the degree of its smaller part. So the overlap is 1 less
    the total variation distance of the two tops, equal lists give 1 however tied they are, and if
    at most one of the lists is tied at its k-th place it is the expected overlap under random
    tie-breaking. Two lists that both are tied there agree on what they do not order, and lie
    above that.

    Args:
        a: Scores, (tokens,); larger is more important.
        b: Scores, (tokens,).
        k: How many tokens are looked at, from 1 to the number of tokens.

    Returns:
        In [0, 1], 1 for the same tops. A random ranking gives k / tokens on average; NaN if
        either list holds a NaN.

    Raises:
        ValueError: The lists differ in length, or `k` lies outside 1..tokens.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 1 or a.shape != b.shape or not 1 <= k <= a.size:
        raise ValueError(f"no top {k} of two lists of shapes {a.shape} and {b.shape}")
    if np.isnan(a).any() or np.isnan(b).any():
        return math.nan
    return float(np.minimum(top_share(a, k), top_share(b, k)).sum() / k)


def top_share(scores: Array, k: int) -> Array:
    """How far each token belongs to the top k of its text, (..., tokens), in [0, 1] and k in sum.

    Of scores (..., tokens), none of them NaN.
    """
    least = np.sort(scores, axis=-1)[..., -k, None]
    above, tied = scores > least, scores == least
    places = (k - above.sum(-1, keepdims=True)) / tied.sum(-1, keepdims=True)
    share: Array = above + tied * places
    return share


def benjamini_hochberg(p: ArrayLike, q: float = 0.05) -> NDArray[np.bool_]:
    """Which of many tests are discoveries at a false discovery rate of at most `q`.

    Args:
        p: P-values, (tests,); NaN for a test that could not be made, which is left out of the
            count of tests.
        q: The share of false discoveries that is tolerated in expectation, in [0, 1].

    Returns:
        (tests,); never true where `p` is NaN. (Benjamini & Hochberg 1995.)
    """
    p = np.asarray(p, np.float64)
    made = p[~np.isnan(p)]
    if not made.size:
        return np.zeros(p.shape, bool)
    ranked = np.sort(made)
    within = np.flatnonzero(ranked * (made.size / np.arange(1, made.size + 1)) <= q)
    # The largest p-value that its rank allows, and with it all smaller ones; a NaN is no smaller.
    found: NDArray[np.bool_] = p <= (ranked[within[-1]] if within.size else -1.0)
    return found


def holm(p: ArrayLike) -> Array:
    """P-values corrected for their number, so that the chance of any false discovery is bounded.

    Args:
        p: P-values, (tests,); NaN for a test that could not be made, which is left out of the
            count of tests.

    Returns:
        (tests,) in [0, 1], never below `p`; NaN where `p` is. A test is a discovery at a
        family-wise error rate of q if its value is at most q. (Holm 1979.)
    """
    p = np.asarray(p, np.float64)
    found = np.full(p.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    found[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return found
