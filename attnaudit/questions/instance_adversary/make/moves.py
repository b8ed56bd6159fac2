"""Weights made to diverge further by small moves, to a token or from it, while the answer stays.

A move goes from the weights at hand towards all weight on one token, or towards none on it (the
others keep their proportions). Bisection finds how far. A sweep makes the move after which the
weights diverge most from the model's own. It ends where no move gains. As `mixing`, for linear
readouts, whose logits change along a line: all steps of a batch are found at once.

Letters in shape comments: N texts, T tokens, S support of weights, M moves, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attnaudit.questions.instance_adversary.make.largest_jsd import gain
from attnaudit.questions.instance_adversary.make.nearby import Nearby, softmax

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
HALVINGS = 7  # of a step
GAIN = 2e-4  # a sweep that gains less, in twice the divergence, is the last
TINY = 1e-9


def moved_on(
    base: Array, content: Mask, nearby: Nearby, texts: Places, weights: Array, sweeps: int
) -> Array:
    """Weights (N, T) that diverge at least as much from `base` as `weights` do, both nearby.

    `texts` (N,) says which of the texts of `nearby` they are of.
    """
    found, reached = weights.copy(), gain(base, weights).sum(1)
    going = np.arange(len(base))
    for _ in range(sweeps):
        if not going.size:
            break
        best, value = _best(base[going], content[going], nearby, texts[going], found[going])
        better = value > reached[going] + GAIN
        going = going[better]
        found[going], reached[going] = best[better], value[better]
    return found


def _best(
    base: Array, content: Mask, nearby: Nearby, texts: Places, q: Array
) -> tuple[Array, Array]:
    """The weights (N, T) after the best move, and the sum of their `gain` (N,)."""
    n, tokens = np.arange(len(q)), q.shape[1]
    # A step from a token is one towards it of negative length.
    drop = np.where((q > 0) & (q < 1 - TINY), q / np.maximum(1 - q, TINY), 0.0)
    whole = np.concatenate([np.ones_like(q), -drop], axis=1)  # (N, M), M = 2T
    moves = np.concatenate([content, content & (drop > 0)], axis=1)
    logits = nearby.logits(texts, q)[:, None]
    step = whole * _shares(nearby, texts, logits, whole)
    # Only tokens that have weight, and the one that moves, add to the sum.
    width = int((q > 0).sum(1).max())
    support = (-q).argsort(1, kind="stable")[:, :width]  # (N, S)
    held, own = q[n[:, None], support], base[n[:, None], support]
    kept = np.maximum(held[:, None] * (1 - step)[:, :, None], 0.0)  # (N, M, S)
    value = gain(own[:, None], kept).sum(2)
    twice_q, twice_base = np.tile(q, 2), np.tile(base, 2)
    left = np.maximum(twice_q * (1 - step), 0.0)
    value += gain(twice_base, np.maximum(left + step, 0.0)) - gain(twice_base, left)
    value = np.where(moves, value, -np.inf)
    at = value.argmax(1)
    made = np.maximum(q * (1 - step[n, at])[:, None], 0.0)
    token = at % tokens
    made[n, token] = np.maximum(made[n, token] + step[n, at], 0.0)
    made[n, token] = np.where(made[n, token] < TINY, 0.0, made[n, token])
    return made / made.sum(1, keepdims=True), value[n, at]


def _shares(nearby: Nearby, texts: Places, logits: Array, whole: Array) -> Array:
    """(N, M) the part of each whole move at which the answer is still nearby."""
    towards = np.tile(nearby.tokens[texts] - logits, (1, 2, 1)) * whole[:, :, None]  # (N, M, C)
    p = nearby.chances[texts][:, None]
    low, share, high = np.zeros_like(whole), np.ones_like(whole), np.ones_like(whole)
    for _ in range(HALVINGS + 1):
        said = softmax(logits + share[:, :, None] * towards)
        fits = np.abs(said - p).sum(2) <= 2 * nearby.epsilon[texts, None]
        low, high = np.where(fits, share, low), np.where(fits, high, share)
        share = np.where(low == 1, 1.0, (low + high) / 2)
    return low
