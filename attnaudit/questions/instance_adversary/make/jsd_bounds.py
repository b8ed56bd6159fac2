"""More than two classes and a linear readout: the largest divergence between two bounds.

The divergence from the model's own weights a is `1/2 (ln 2 + sum_t g(a_t, q_t))` (see
`largest_jsd`), with g convex in q_t.

* **Upper bound.** Where a weight has a range, g lies below its secant over that range. That leaves
  a linear program over the weights within the safe limits of `nearby`, whose value is a bound. At
  the token where the secant of its solution lies farthest above g, the range is cut in two; either
  part has closer secants, and a program of its own (branch and bound). The bound is the highest of
  all parts.
* **Weights that diverge.** The same program over tangent limits, for several shares of epsilon: a
  solution for a small share keeps the answer more often, one for a large share diverges more. Each
  solution is improved by Frank-Wolfe steps (to the best vertex for the divergence linearised where
  it stands). Solutions whose answer has moved too far all the same are pulled back, as are those of
  the programs above. The weights that then diverge most are moved on (`moves`), and the best of
  these give a lower bound.

All programs of a batch are solved at once (`programs`).

Letters in shape comments: B texts, N programs, P parts, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.divergences import LN2
from attnaudit.questions.instance_adversary.make.largest_jsd import gain
from attnaudit.questions.instance_adversary.make.moves import moved_on
from attnaudit.questions.instance_adversary.make.nearby import Nearby
from attnaudit.questions.instance_adversary.make.programs import Programs

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
SHARES = (0.8, 0.5, 0.3, 0.15)  # of epsilon, to which the programs of a search keep
LEAST = 0.01  # weight at which slopes are taken in place of 0
MOVED = 2  # starts of each text that are moved on: those that reached farthest
SWEEPS = 8  # of moves
ROUNDS = 2  # of cuts, in each of which all parts that matter are cut in two
NEAR = 2e-3  # bounds that lie nearer each other, in nats, are near enough
MARGIN = 0.1  # of a range, on either side, where it is not cut
CELLS = 2**20  # numbers in the tables of programs that are solved at once


def bounds(base: Array, tokens: Array, content: Mask, epsilon: float) -> tuple[Array, Array]:
    """Upper bounds of the largest divergence from `base`, and nearby weights that diverge.

    Args:
        base: (B, T) the model's own weights on the content, in sum 1; 0 elsewhere.
        tokens: (B, T, C) logits with all weight on a token.
        content: (B, T) positions that weight may move to.
        epsilon: How far the answer may move, in total variation distance.

    Returns:
        The bounds (B,), in nats; and weights (B, T) with an answer within epsilon.
    """
    size = max(1, CELLS // Programs.over(content[:1], base[:1], tokens.shape[2]).table.size)
    parts = [
        _bounds(base[i : i + size], tokens[i : i + size], content[i : i + size], epsilon)
        for i in range(0, len(base), size)
    ]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _bounds(base: Array, tokens: Array, content: Mask, epsilon: float) -> tuple[Array, Array]:
    count = len(base)
    # Each text with safe limits, then with those of each start of a search.
    distance = np.repeat([epsilon, *(share * epsilon for share in SHARES)], count)
    copies = np.tile(np.arange(count), 1 + len(SHARES))
    tangent = np.arange(len(copies)) >= count
    nearby = Nearby.of(base[copies], tokens[copies], distance, tangent)
    gains, _ = secants(base, np.zeros_like(base), np.ones_like(base))
    programs = Programs.over(content[copies], gains[copies], tokens.shape[2])
    search, branches = _Search(base, content, nearby), _Branches(base, content)
    tasks = [branches.whole(programs), search.start(programs, gains)]
    _solve(nearby, tasks)
    branches.settle(tasks[0])
    search.offer(tasks[0])
    search.offer(tasks[1])
    for _ in range(ROUNDS):
        tasks = [branches.cut(search.reached()), search.step(tasks[1])]
        _solve(nearby, tasks)
        branches.settle(tasks[0])
        for task in tasks:
            search.offer(task)
    upper = branches.bound.max(1)
    search.move((upper > search.reached() + NEAR).nonzero()[0])
    return np.maximum(upper, search.reached()), search.farthest()


@dataclass
class _Task:
    """Programs (N,) of the parts of texts, and what they maximise between bounds (N, T)."""

    programs: Programs
    texts: Places  # (N,)
    parts: Places  # (N,)
    gains: Array
    low: Array
    high: Array
    weights: Array  # (N, T) the solutions, NaN where there are none
    empty: Mask  # (N,) whether there can be none

    @classmethod
    def of(
        cls, programs: Programs, texts: Places, parts: Places, gains: Array, low: Array, high: Array
    ) -> _Task:
        """One that is still to be solved."""
        nothing = np.full_like(gains, np.nan)
        return cls(programs, texts, parts, gains, low, high, nothing, np.zeros(len(texts), bool))


def _solve(nearby: Nearby, tasks: Sequence[_Task]) -> None:
    """Solve the programs of all tasks together."""
    joined = Programs.joined([t.programs for t in tasks])
    gains, low, high = (
        np.concatenate([getattr(t, name) for t in tasks]) for name in ("gains", "low", "high")
    )
    weights, empty = joined.solve(nearby, gains, low, high)
    start = 0
    for task in tasks:
        part = slice(start, start + len(task.texts))
        task.programs = joined.take(part)
        task.weights, task.empty = weights[part], empty[part]
        start = part.stop


class _Search:
    """The farthest weights so far of each start: `best` (R, T), which reach `value` (R,).

    The rows R are those of `nearby`: all texts with safe limits, then all with the tangent limits
    of each of `SHARES`.
    """

    def __init__(self, base: Array, content: Mask, nearby: Nearby) -> None:
        self.base, self.content, self.nearby = base, content, nearby
        rows = np.arange(len(nearby.epsilon))
        self.best, self.value = base[rows % len(base)], np.zeros(len(rows))

    def reached(self) -> Array:
        """The largest divergence (B,) from each text's own weights."""
        most: Array = self.value.reshape(-1, len(self.base)).max(0)
        return most

    def farthest(self) -> Array:
        """The weights (B, T) that reach it."""
        found: Array = self.best[self._first(1)]
        return found

    def start(self, programs: Programs, gains: Array) -> _Task:
        """The whole texts, over tangent limits."""
        count = len(self.base)
        texts = np.tile(np.arange(count), len(SHARES))
        high = self.content[texts].astype(np.float64)
        own, low = programs.take(slice(count, None)), np.zeros_like(high)
        return _Task.of(own, texts, np.zeros_like(texts), gains[texts], low, high)

    def step(self, task: _Task) -> _Task:
        """A Frank-Wolfe step from its solutions."""
        # The slope of g in q, ln(2 q / (a + q)), is -inf at 0: taken at a small weight instead.
        base = self.base[task.texts]
        q = np.maximum(np.where(np.isfinite(task.weights), task.weights, base), LEAST)
        slopes = np.where(self.content[task.texts], np.log(2 * q / (base + q)), 0.0)
        return _Task.of(task.programs, task.texts, task.parts, slopes, task.low, task.high)

    def offer(self, task: _Task) -> None:
        """Take in the solutions, pulled back where they are not nearby."""
        known = np.isfinite(task.weights).all(1)
        texts, rows = task.texts[known], task.programs.text[known]
        weights = np.where(self.content[texts], task.weights[known].clip(0.0, 1.0), 0.0)
        weights /= weights.sum(1, keepdims=True)
        # What is pulled back diverges less.
        more = divergence(self.base[texts], weights) > self.value[rows]
        texts, rows, weights = texts[more], rows[more], weights[more]
        if texts.size:
            self._keep(rows, self.nearby.pulled_back(texts, self.base[texts], weights))

    def move(self, texts: Places) -> None:
        """Move the best weights of these texts on, from `MOVED` starts of each."""
        rows = self._first(MOVED).reshape(MOVED, -1)[:, texts].ravel()
        texts = np.tile(texts, MOVED)
        base, content = self.base[texts], self.content[texts]
        self._keep(rows, moved_on(base, content, self.nearby, texts, self.best[rows], SWEEPS))

    def _first(self, starts: int) -> Places:
        """The rows of the farthest weights of all texts, then of those that come next."""
        count = len(self.base)
        order = (-self.value.reshape(-1, count)).argsort(0, kind="stable")[:starts]
        rows: Places = (order * count + np.arange(count)).ravel()
        return rows

    def _keep(self, rows: Places, weights: Array) -> None:
        value = divergence(self.base[rows % len(self.base)], weights)
        order = value.argsort(kind="stable")  # a row may be there twice: the better one is last
        order = order[value[order] > self.value[rows[order]]]
        self.best[rows[order]], self.value[rows[order]] = weights[order], value[order]


class _Branches:
    """Parts of what the weights of each text may be: ranges of each weight, (B, P, T).

    `bound` (B, P) is what no weights of a part exceed in divergence.
    """

    def __init__(self, base: Array, content: Mask) -> None:
        self.base, self.content = base, content
        count, parts = len(base), 2**ROUNDS
        self.low = np.zeros((count, parts, base.shape[1]))
        self.high = np.zeros_like(self.low)
        self.bound = np.full((count, parts), -np.inf)
        self.bound[:, 0] = LN2
        self.token = np.zeros((count, parts), np.int64)  # to cut at next
        self.at = np.zeros((count, parts))  # and at which weight
        self.made = 1  # parts of a text so far, at most

    def whole(self, programs: Programs) -> _Task:
        """Of each text, all of it."""
        texts = np.arange(len(self.base))
        self.first = programs.take(texts)
        low, high = np.zeros_like(self.base), self.content.astype(np.float64)
        gains, _ = secants(self.base, low, high)
        return _Task.of(self.first, texts, np.zeros_like(texts), gains, low, high)

    def cut(self, reached: Array) -> _Task:
        """The halves of all parts whose bound is not near what was `reached` (B,)."""
        text, part = (self.bound[:, : self.made] > reached[:, None] + NEAR).nonzero()
        low, high = self.low[text, part], self.high[text, part]
        above, below, n = low.copy(), high.copy(), np.arange(len(text))
        above[n, self.token[text, part]] = below[n, self.token[text, part]] = self.at[text, part]
        texts, parts = np.tile(text, 2), np.concatenate([part, part + self.made])
        # Until they are settled, both halves keep the bound of the whole.
        self.bound[texts, parts] = np.tile(self.bound[text, part], 2)
        self.made *= 2
        low, high = np.concatenate([low, above]), np.concatenate([below, high])
        gains, _ = secants(self.base[texts], low, high)
        return _Task.of(self.first.take(texts), texts, parts, gains, low, high)

    def settle(self, task: _Task) -> None:
        """Lower the bounds of the parts of a solved task, and find where to cut them."""
        at, base = (task.texts, task.parts), self.base[task.texts]
        gains, rest = secants(base, task.low, task.high)
        bound = task.programs.bound(gains, task.low, task.high) + rest.sum(1)
        self.bound[at] = np.minimum((LN2 + bound) / 2, self.bound[at])
        self.bound[at] = np.where(task.empty, -np.inf, self.bound[at])
        self.low[at], self.high[at] = task.low, task.high
        q = np.where(np.isfinite(task.weights), task.weights, base).clip(task.low, task.high)
        above = np.where(self.content[task.texts], gains * q + rest - gain(base, q), 0.0)
        token, n = above.argmax(1), np.arange(len(base))
        start, end = task.low[n, token], task.high[n, token]
        margin = MARGIN * (end - start)
        self.token[at], self.at[at] = token, q[n, token].clip(start + margin, end - margin)
        if self.made == 1:
            self.first = task.programs


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
