"""The answers within epsilon of a model's own, as limits on the logits of a linear readout.

An answer P lies within epsilon, in TVD, of p if no set A of classes gains more than epsilon. These
answers are no convex set of logits. Two kinds of linear limits stand in for them:

* A **safe** limit holds for every such answer. For classes A that gain and classes D that lose, and
  any weights w on A and v on D, each in sum 1, the answers within epsilon have
  `w . ln P - v . ln P <= h`. The largest of `w . ln P` is that of a concave function, which
  `w . ln M + (epsilon - sum_A (M - p)) / M_A` exceeds for any answer M with classes A above p. The
  largest of `-v . ln P` is that of a convex function: all that is lost, one class loses. So h is
  the first plus `-v . ln p + max_d v_d ln(p_d / (p_d - epsilon))`. A class that may fall to
  nothing, whose p is not well above epsilon, has no place in D.
* A **tangent** limit touches the set at one answer M, and may cut off others. It serves a search,
  which has to end at weights that keep the answer.

M is where the way from the model's logits to those that a limit is to cut off leaves the set.

Letters in shape comments: B texts, N of them (with repetition), T tokens, C classes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
FIRM = 2  # times epsilon: what a class needs to have a place among those that lose
HALVINGS = 3  # on the way to where a limit touches


@dataclass(frozen=True)
class Nearby:
    """Answers within `epsilon` (B,) of the model's own, with logits `tokens` (B, T, C).

    `own` (B, C) are the logits of the model's answer, up to a constant; `chances` (B, C) the
    answer. `tangent` (B,): whose limits are of that kind.
    """

    tokens: Array
    own: Array
    chances: Array
    epsilon: Array
    tangent: Mask

    @classmethod
    def of(cls, base: Array, tokens: Array, epsilon: Array, tangent: Mask) -> Nearby:
        """The answers near that of weights `base` (B, T)."""
        own = (base[:, None] @ tokens)[:, 0]  # (B, C)
        own = own - own.max(1, keepdims=True)
        own -= np.log(np.exp(own).sum(1, keepdims=True))
        return cls(tokens, own, np.exp(own), epsilon, tangent)

    def logits(self, texts: Places, weights: Array) -> Array:
        """(N, C) under weights (N, T) of these texts."""
        found: Array = (weights[:, None] @ self.tokens[texts])[:, 0]
        return found

    def moved(self, texts: Places, logits: Array) -> Array:
        """Total variation distance (N,) of the answers of logits (N, C) from the model's."""
        distance: Array = np.abs(softmax(logits) - self.chances[texts]).sum(1) / 2
        return distance

    def limits(self, texts: Places, logits: Array) -> tuple[Array, Array, Array]:
        """A limit that cuts off logits (N, C), or does so as far as one can.

        Returns:
            Normals (N, C), which sum to 0; limits (N,) on `normal . logits`; and by how much the
            logits exceed them (N,). Where there is no limit, that is -inf, and the others mean
            nothing.
        """
        own, p, tangent = self.own[texts], self.chances[texts], self.tangent[texts]
        met = self._met(texts, logits)  # (N, C)
        gains = met > p
        loses = ~gains & (tangent[:, None] | self._firm[texts])
        up, down = met * gains, met * loses
        above, below = up.sum(1, keepdims=True), down.sum(1, keepdims=True)
        known = (above > 0) & (below > 0)
        above, below = np.where(known, above, 1.0), np.where(known, below, 1.0)
        up, down = up / above, down / below
        normal = up - down
        met_log = np.log(np.maximum(met, 1e-300))
        left = self.epsilon[texts] - ((met - p) * gains).sum(1)
        lost = (down * self._drop[texts]).max(1) - (down * own).sum(1)
        safe = (up * met_log).sum(1) + left / above[:, 0] + lost
        limit = np.where(tangent, (normal * met_log).sum(1), safe)
        over = (normal * logits).sum(1) - limit
        return normal, limit, np.where(known[:, 0], over, -np.inf)

    def pulled_back(self, texts: Places, base: Array, weights: Array) -> Array:
        """Weights (N, T) on the way from `base` to `weights` whose answer is within epsilon."""
        own, away = self.own[texts], self.logits(texts, weights)
        low = (self.moved(texts, away) <= self.epsilon[texts]).astype(float)
        far = low == 0
        if far.any():
            own, away, texts = own[far], away[far] - own[far], texts[far]
            step, high = np.zeros(len(own)), np.ones(len(own))
            for _ in range(40):
                middle = (step + high) / 2
                fits = self.moved(texts, own + middle[:, None] * away) <= self.epsilon[texts]
                step, high = np.where(fits, middle, step), np.where(fits, high, middle)
            low[far] = step
        found: Array = np.where(far[:, None], base + low[:, None] * (weights - base), weights)
        return found

    def _met(self, texts: Places, logits: Array) -> Array:
        """The answers (N, C) where the way to `logits` leaves those nearby, or is about to."""
        own = self.own[texts]
        away = logits - own
        away = away - away.max(1, keepdims=True)
        p, epsilon = self.chances[texts], self.epsilon[texts]
        slope = (p * np.abs(away - (p * away).sum(1, keepdims=True))).sum(1) / 2
        step = np.minimum(1.0, epsilon / np.maximum(slope, 1e-300))
        low, high = np.zeros_like(step), np.ones_like(step)
        for _ in range(HALVINGS):
            out = np.abs(softmax(own + step[:, None] * away) - p).sum(1) > 2 * epsilon
            low, high = np.where(out, low, step), np.where(out, step, high)
            near = np.where(out, np.maximum(step / 1.5, low), np.minimum(step * 1.5, high))
            step = np.where((low > 0) & (high < 1), (low + high) / 2, near)
        return softmax(own + high[:, None] * away)

    @functools.cached_property
    def _firm(self) -> NDArray[np.bool_]:
        p, epsilon = self.chances, self.epsilon[:, None]
        first = np.arange(p.shape[1]) == p.argmax(1)[:, None]
        firm: NDArray[np.bool_] = (p > FIRM * epsilon) | (first & (p > 1.001 * epsilon))
        return firm

    @functools.cached_property
    def _drop(self) -> Array:
        """(B, C) by how much the logarithm of each chance may fall; 0 for those without a place."""
        part = np.where(self._firm, self.epsilon[:, None] / self.chances, 0.0)
        drop: Array = -np.log1p(-part)
        return drop


def softmax(logits: Array) -> Array:
    """Over the last axis; leaner than scipy's on small arrays."""
    found: Array = np.exp(logits - logits.max(-1, keepdims=True))
    found /= found.sum(-1, keepdims=True)
    return found
