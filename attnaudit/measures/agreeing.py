"""How one ranking of words agrees with others, and they with each other, for many texts at once.

The texts are of one length. What each figure means stands in `rank`.

Letters in shape comments: N texts, M measures, n tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures import rank
from attnaudit.measures.rank import kendall_matrices, signs_of, top_share, weighted_tau

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Agreements:
    """How measures agree; NaN where that is undefined.

    `tau` and its `p` (N, M, M) of all pairs. Of the first measure against each, (N, M): `weighted`,
    the weighted tau, and `top`, the overlap of the tops.
    """

    tau: Array
    p: Array
    weighted: Array
    top: Array


def agreements(scores: Array, k: int) -> Agreements:
    """How the measures of texts agree, from `scores` (N, M, n); `k` words count as top, 1 to n."""
    tau, p = kendall_matrices(scores)
    defined = ~np.isnan(tau[:, 0])
    weighted = np.where(defined, _weighted(scores, defined), np.nan)
    shares = top_share(np.nan_to_num(scores, nan=0.0, posinf=np.inf, neginf=-np.inf), k)
    overlap = np.minimum(shares, shares[:, :1]).sum(-1) / k
    return Agreements(tau, p, weighted, np.where(defined, overlap, np.nan))


def _weighted(scores: Array, defined: NDArray[np.bool_]) -> Array:
    """`rank.weighted_tau` of the first measure against each (N, M), where it is `defined`."""
    texts, count, n = scores.shape
    found = np.full((texts, count), np.nan)
    if n > rank.SORTING_TOKENS:
        for text, i in zip(*np.nonzero(defined), strict=True):
            found[text, i] = weighted_tau(scores[text, 0], scores[text, i])
        return found
    step = max(1, rank.CHUNK_CELLS // (count * n * n))
    for start in range(0, texts, step):
        found[start : start + step] = _weighted_by_signs(scores[start : start + step])
    return found


def _weighted_by_signs(scores: Array) -> Array:
    """Of pairs of tokens whose order both measures tell: weights of the same, less of the other.

    An exchange of two tokens weighs what both weigh, so that each token brings its weight as often
    as it stands in a pair.
    """
    signs = signs_of(scores)  # (N, M, n, n)
    first = signs[:, :1]
    same = (first * signs).sum(-1, dtype=np.float64)  # (N, M, n)
    untied = np.abs(signs).sum(-1, dtype=np.float64)
    taus = []
    for key in (2 * first + signs, first + 2 * signs):  # ranked by the one, its ties by the other
        weights = 1 / (1 + _before(key))
        kept = (weights * untied[:, :1]).sum(-1) * (weights * untied).sum(-1)
        with np.errstate(divide="ignore", invalid="ignore"):  # a constant measure has no tau
            taus.append(np.clip((weights * same).sum(-1) / np.sqrt(kept), -1, 1))
    mean: Array = (taus[0] + taus[1]) / 2
    return mean


def _before(keys: NDArray[np.float32]) -> Array:
    """How many tokens are ranked before each: (N, M, n). Of equal ones the last comes first."""
    n = keys.shape[-1]
    later = np.arange(n)[:, None] < np.arange(n)
    before: Array = ((keys < 0) | ((keys == 0) & later)).sum(-1)
    return before
