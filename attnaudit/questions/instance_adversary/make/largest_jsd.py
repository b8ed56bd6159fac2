"""The attention farthest from the model's own that leaves a binary answer where it was: exactly.

Where a readout is linear and there are two classes, the weights under which the answer moves by at
most epsilon are a polytope: the simplex, cut by a slab `low <= sum_t q_t logit_t <= high`. The
Jensen-Shannon divergence is convex in q, so a vertex attains its maximum; and a vertex has all its
weight on one token inside the slab, or on two tokens that lie on either side of a bound, which the
pair meets. All of them are gone through; Jain & Wallace 2019 (section 4.2.2) search for
the same maximum with 500 steps of Adam.

The divergence of a vertex with weight w on token i and 1 - w on token j, from a distribution a, is
`1/2 (ln 2 + g(a_i, w) + g(a_j, 1 - w))` with
`g(a, q) = a ln a + q ln q + q ln 2 - (a + q) ln(a + q)`. g is convex in q and falls in a. For a
given i, therefore, no partner gives more than the least a_j of them all would, at one of the two
ends of their range of w. Pairs of which that bound says that they cannot win are left out.

All numbers are float64. Letters in shape comments: B batch, R references, T tokens, S starts of
pairs, L instances still searched.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, xlogy  # type: ignore[import-untyped]

from attnaudit.measures.divergences import LN2

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
# Pairs are gone through by their lower token: so many of these at first, and at most. What wins is
# mostly among the first few.
FIRST_STARTS, STARTS = 2, 16
SAME = 1e-9  # two distributions that diverge by less are one alternative


def slab(logit: Array, epsilon: float) -> tuple[Array, Array]:
    """The logits (low, high) that keep a binary answer within `epsilon`, in TVD, of its own.

    `logit` of any shape. Where the probability less (plus) epsilon lies outside (0, 1), every
    lower (higher) logit will do, and the bound is infinite.
    """
    # Both tails are computed from the logit: 1 - p would lose all digits of a confident answer.
    yes, no = expit(logit), expit(-logit)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(yes > epsilon, np.log(yes - epsilon) - np.log(no + epsilon), -np.inf)
        high = np.where(no > epsilon, np.log(yes + epsilon) - np.log(no - epsilon), np.inf)
    return low, high


def farthest_vertices(
    base: Array, logits: Array, content: Mask, low: Array, high: Array, count: int = 1
) -> tuple[Array, Array]:
    """The vertices of {simplex and slab} that lie farthest from `base` and from each other.

    The first has the largest divergence from `base` of all weights within the slab: the exact
    maximum. Each further one has the largest least divergence from `base` and from those before it
    (farthest-point traversal), among the vertices.

    Args:
        base: (B, T) distributions over the content, 0 elsewhere, within the slab.
        logits: (B, T) what the answer would be with all weight on a token.
        content: (B, T) positions that weight may move to.
        low: (B,) least logit allowed.
        high: (B,) largest logit allowed.
        count: How many vertices, at least 1.

    Returns:
        Weights (B, count, T) and, for each, its least divergence (B, count) from base and the
        vertices before it. Where there are fewer vertices, weights repeat, with a divergence of
        0 up to `SAME`.
    """
    found = base[:, None]  # (B, R, T)
    apart = np.empty((len(base), count))
    for k in range(count):
        vertex, apart[:, k] = _farthest(found, logits, content, low, high)
        found = np.concatenate([found, vertex[:, None]], axis=1)
    return found[:, 1:], apart


def _farthest(
    references: Array, logits: Array, content: Mask, low: Array, high: Array
) -> tuple[Array, Array]:
    """The vertex (B, T) whose least divergence (B,) from the `references` (B, R, T) is largest."""
    each = np.arange(len(logits))
    inside = content & (logits >= low[:, None]) & (logits <= high[:, None])
    alone = (LN2 + gain(references, 1.0)).min(1) / 2  # (B, T)
    alone = np.where(inside, alone, -np.inf)
    first = alone.argmax(1)
    second, share, best = first.copy(), np.ones(len(logits)), alone[each, first]
    if low.size:
        bound = np.stack([low, high], axis=1)[:, :, None]  # (B, 2, 1)
        reach = _reach(references, logits, content, bound).reshape(len(logits), -1)  # (B, 2T)
        order = (-reach).argsort(1, kind="stable")
        start, count = 0, FIRST_STARTS
        while start < order.shape[1]:
            live = (reach[each, order[:, start]] > best).nonzero()[0]  # (L,)
            if not live.size:
                break
            side, i = np.divmod(order[live, start : start + count], logits.shape[1])  # (L, S)
            start, count = start + count, min(2 * count, STARTS)
            value, w = _pairs(
                references[live], logits[live], content[live], bound[live[:, None], side, 0], i
            )
            flat = value.reshape(len(live), -1)
            at = flat.argmax(1)
            mine = np.arange(len(live))
            better = flat[mine, at] > best[live]
            s, j = np.divmod(at, logits.shape[1])
            won = live[better]
            best[won] = flat[mine, at][better]
            first[won], second[won] = i[mine, s][better], j[better]
            share[won] = w[mine, s, j][better]
    vertex = np.zeros_like(logits)
    vertex[each, second] = 1 - share
    vertex[each, first] += share
    lost = ~np.isfinite(best)  # a slab thinner than rounding holds no vertex
    vertex[lost] = references[lost, 0]
    return vertex, np.where(lost, 0.0, np.maximum(best, 0.0))


def _reach(references: Array, logits: Array, content: Mask, bound: Array) -> Array:
    """What no pair of a lower token and any token above the bound can exceed: (B, 2, T).

    -inf for tokens that are the lower one of no pair. `bound` (B, 2, 1).
    """
    tokens = logits[:, None]  # (B, 1, T)
    below = content[:, None] & (tokens < bound)  # (B, 2, T)
    above = content[:, None] & (tokens > bound)
    nearest = np.where(above, tokens, np.inf).min(-1, keepdims=True)  # (B, 2, 1)
    farthest = np.where(above, tokens, -np.inf).max(-1, keepdims=True)
    paired = below & above.any(-1, keepdims=True)
    least = np.where(above[:, None], references[:, :, None], 1.0).min(-1, keepdims=True)
    ends = []
    for partner in (nearest, farthest):
        with np.errstate(invalid="ignore", divide="ignore"):  # where there is no pair
            w = np.where(paired, (partner - bound) / (partner - tokens), 0.0)[:, None]
        gains = gain(references[:, :, None], w) + gain(least, 1 - w)  # (B, R, 2, T)
        ends.append((LN2 + gains) / 2)
    # Rounding must not put the bound of a pair below its value.
    reach = np.maximum(*ends).min(1) + 1e-12
    return np.where(paired, reach, -np.inf)


def _pairs(
    references: Array, logits: Array, content: Mask, bound: Array, i: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Values and weights on the lower token (L, S, T) of the tokens `i` (L, S) with any other."""
    mine = np.arange(len(logits))[:, None]
    lower = logits[mine, i][:, :, None]  # (L, S, 1)
    upper, bound = logits[:, None], bound[:, :, None]
    pair = (lower < bound) & (upper > bound) & content[:, None] & content[mine, i][:, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        w = np.where(pair, (upper - bound) / (upper - lower), 0.0)
    mixed = xlogy(w, w) + xlogy(1 - w, 1 - w) + 2 * LN2  # (L, S, T)
    value = np.full_like(w, np.inf)
    for r in range(references.shape[1]):
        a = references[:, r]  # (L, T)
        own = xlogy(a, a)
        at = a[mine, i][:, :, None] + w
        to = a[:, None] + (1 - w)
        gains = own[mine, i][:, :, None] + own[:, None] - xlogy(at, at) - xlogy(to, to)
        value = np.minimum(value, (mixed + gains) / 2)
    return np.where(pair, value, -np.inf), w


def gain(a: Array, q: Array | float) -> Array:
    """The g of the module's docstring, elementwise; 0 where q is 0."""
    gained: Array = xlogy(a, a) + xlogy(q, q) + q * LN2 - xlogy(a + q, a + q)
    return gained
