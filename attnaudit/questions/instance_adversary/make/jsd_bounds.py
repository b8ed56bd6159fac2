"""More than two classes and a linear readout: the largest divergence between two bounds.

The divergence from the model's own weights a is `1/2 (ln 2 + sum_t g(a_t, q_t))` (see
`largest_jsd`), with g convex in q_t.

* **Upper bound.** Between bounds of q_t, g lies below its secant. That leaves a linear program over
  the weights that keep to the safe limits of `nearby`: its value is a bound. Where the secant is
  far above g, at one token of its solution, the range of that token's weight is cut in two there;
  each part has closer secants, and a program of its own (branch and bound). The part with the
  highest bound is next. The bound is the highest of all parts; what is found need not be known.
* **Weights that diverge.** The same program over tangent limits, for less than epsilon, so that its
  solution keeps the answer; improved by Frank-Wolfe steps (each to the best vertex for the
  divergence linearised where it stands), pulled back where its answer has moved too far all the
  same, and moved on (`moves`). So are the solutions of the programs above. The best is a lower
  bound.

Letters in shape comments: B texts, N programs, P parts, T tokens, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.divergences import LN2, max_jsd
from attnaudit.questions.instance_adversary.make.largest_jsd import gain
from attnaudit.questions.instance_adversary.make.moves import moved_on
from attnaudit.questions.instance_adversary.make.nearby import Nearby
from attnaudit.questions.instance_adversary.make.programs import Programs

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
SHARES = (0.7,)  # of epsilon, which a search keeps to
LEAST = (0.03, 0.003)  # weight at which slopes are taken in place of 0, for each Frank-Wolfe step
SWEEPS = 8  # of moves
CUTS = 4  # how often a text's ranges are cut in two
NEAR = 2e-3  # bounds that lie nearer each other, in nats, are near enough
MARGIN = 0.1  # of a range, on either side, where it is not cut
CELLS = 2**22  # numbers held at once


def bounds(base: Array, tokens: Array, content: Mask, epsilon: float) -> tuple[Array, Array]:
    """Upper bounds of the largest divergence from `base`, and nearby weights that diverge.

    Args:
        base: (B, T) the model's own weights on the content, in sum 1; 0 elsewhere.
        tokens: (B, T, C) logits with all weight on a token.
        content: (B, T) positions that weight may move to.
        epsilon: How far the answer may move, in total variation distance.

    Returns:
        The bounds (B,), in nats, in [0, ln 2]; and weights (B, T) with an answer within epsilon.
    """
    rows = base.shape[1] * (min(base.shape[1], tokens.shape[2]) + 8) * 4
    size = max(1, CELLS // rows)
    parts = []
    for start in range(0, len(base), size):
        part = slice(start, start + size)
        parts.append(_bounds(base[part], tokens[part], content[part], epsilon))
    upper, found = (np.concatenate(p) for p in zip(*parts, strict=True))
    return upper, found


def _bounds(base: Array, tokens: Array, content: Mask, epsilon: float) -> tuple[Array, Array]:
    search = _Search(base, content, Nearby.of(base, tokens, epsilon))
    for share in SHARES:
        search.climb(Nearby.of(base, tokens, share * epsilon, tangent=True))
    upper = _Branches(search).upper()
    cap = np.array([max_jsd(a[c]) for a, c in zip(base, content, strict=True)])
    return np.minimum(upper, cap), search.best


class _Search:
    """The farthest weights so far: `best` (B, T), which reach `value` (B,)."""

    def __init__(self, base: Array, content: Mask, nearby: Nearby) -> None:
        self.base, self.content, self.nearby = base, content, nearby
        self.best, self.value = base.copy(), np.zeros(len(base))

    def climb(self, nearby: Nearby) -> None:
        """From the solution over other limits uphill."""
        texts = np.arange(len(self.base))
        low, high = np.zeros_like(self.base), self.content * 1.0
        gains, _ = secants(self.base, low, high)
        programs = Programs.over(self.content, gains, nearby.chances.shape[1])
        q, _ = programs.solve(nearby, gains, low, high)
        self.offer(texts, q)
        for least in LEAST:
            # The slope of g in q, ln(2 q / (a + q)), is -inf at 0: taken at a small weight.
            at = np.maximum(np.nan_to_num(q), least)
            slopes = np.where(self.content, np.log(2 * at / (self.base + at)), 0.0)
            q, _ = programs.solve(nearby, slopes, low, high)
            self.offer(texts, q)
        found = moved_on(self.base, self.content, self.nearby, self.best, SWEEPS)
        self._keep(texts, found)

    def offer(self, texts: Places, weights: Array) -> None:
        """Take in weights (N, T), pulled back where they are not nearby; no NaN."""
        known = np.isfinite(weights).all(1)
        texts, weights = texts[known], np.where(self.content[texts], weights, 0.0)[known]
        weights = np.clip(weights, 0.0, 1.0)
        weights /= weights.sum(1, keepdims=True)
        # What is pulled back diverges less.
        more = divergence(self.base[texts], weights) > self.value[texts]
        texts, weights = texts[more], weights[more]
        if texts.size:
            self._keep(texts, self.nearby.pulled_back(texts, self.base[texts], weights))

    def _keep(self, texts: Places, weights: Array) -> None:
        value = divergence(self.base[texts], weights)
        order = value.argsort(kind="stable")  # a text may be there twice: the better one is last
        order = order[value[order] > self.value[texts[order]]]
        self.best[texts[order]], self.value[texts[order]] = weights[order], value[order]


class _Branches:
    """Parts of what weights may be, of each text: bounds of each weight, (B, P, T)."""

    def __init__(self, search: _Search) -> None:
        self.search = search
        base, content = search.base, search.content
        count, tokens = base.shape
        self.low = np.zeros((count, CUTS + 1, tokens))
        self.high = np.zeros((count, CUTS + 1, tokens))
        self.bound = np.full((count, CUTS + 1), -np.inf)
        self.token = np.zeros((count, CUTS + 1), np.int64)  # to cut at next
        self.cut = np.zeros((count, CUTS + 1))
        low, high = np.zeros_like(base), content * 1.0
        gains, _ = secants(base, low, high)
        self.first = Programs.over(content, gains, search.nearby.chances.shape[1])
        texts = np.arange(count)
        self._add(texts, np.zeros_like(texts), low, high, np.full(count, LN2), self.first)

    def upper(self) -> Array:
        """Bounds (B,) after so many cuts, or fewer where they are near what was found."""
        texts = np.arange(len(self.bound))
        for cut in range(CUTS):
            part = self.bound.argmax(1)
            at = (self.bound[texts, part] > self.search.value + NEAR).nonzero()[0]
            if not at.size:
                break
            part = part[at]
            low, high = self.low[at, part], self.high[at, part]
            above, n, token = low.copy(), np.arange(len(at)), self.token[at, part]
            above[n, token] = self.cut[at, part]
            below = high.copy()
            below[n, token] = self.cut[at, part]
            both = np.concatenate([at, at])
            self._add(
                both,
                np.concatenate([part, np.full_like(part, cut + 1)]),
                np.concatenate([low, above]),
                np.concatenate([below, high]),
                np.tile(self.bound[at, part], 2),
                self.first.take(both),
            )
        return np.maximum(self.bound.max(1), self.search.value)

    def _add(
        self,
        texts: Places,
        part: Places,
        low: Array,
        high: Array,
        known: Array,
        programs: Programs,
    ) -> None:
        """Parts of texts (N,) with bounds of weights (N, T), none of which exceeds `known`."""
        base = self.search.base[texts]
        gains, rest = secants(base, low, high)
        q, empty = programs.solve(self.search.nearby, gains, low, high)
        bound = (LN2 + programs.bound(gains, low, high) + rest.sum(1)) / 2
        self.bound[texts, part] = np.where(empty, -np.inf, np.minimum(bound, known))
        self.low[texts, part], self.high[texts, part] = low, high
        self.search.offer(texts, q)
        q = np.clip(np.where(np.isfinite(q), q, base), low, high)
        above = np.where(self.search.content[texts], gains * q + rest - gain(base, q), 0.0)
        token, n = above.argmax(1), np.arange(len(texts))
        start, end = low[n, token], high[n, token]
        margin = MARGIN * (end - start)
        self.token[texts, part] = token
        self.cut[texts, part] = np.clip(q[n, token], start + margin, end - margin)


def secants(base: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Slopes and intercepts of the secants of g(base, .) between two weights, elementwise."""
    start, width = gain(base, low), high - low
    wide = width > 0
    slope = np.where(wide, (gain(base, high) - start) / np.where(wide, width, 1.0), 0.0)
    return slope, start - slope * low


def divergence(base: Array, weights: Array) -> Array:
    """JSD (N,) of weights (N, T) from `base`, which both sum to 1."""
    found: Array = (LN2 + gain(base, weights).sum(1)) / 2
    return np.maximum(found, 0.0)
