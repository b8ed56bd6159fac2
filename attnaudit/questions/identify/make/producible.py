"""The weights that leave what a head gives as it is and that some query makes, the keys held.

A row has the weights a = softmax(K q / sqrt d). Producible weights are softmax(K q' / sqrt d) for
any query q'. Bhardwaj et al. (2021) ask for alternatives that the architecture can make; to ask it
of the query alone, with the keys of the text as they are, is this tool's own. All is in float64.

Letters in shape comments: n positions, k dimensions of keys, d of what is averaged, r rank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares  # type: ignore[import-untyped]
from scipy.special import softmax  # type: ignore[import-untyped]

from attnaudit.questions.identify.make.detached import Polytope, column_space

Array = NDArray[np.float64]
_SAME, SOLVED = 1e-3, 1e-9  # total variation between weights; how far a solution is off
_RIGHT = 1e-9  # a cosine that float64 does not tell from that of a right angle
_SIZES = (0.1, 0.5, 1.0, 2.0)  # of the steps to other queries, by the length of the own one


@dataclass(frozen=True)
class Scores:
    """What the weights of a row are the softmax of: `softcap`(keys @ query) + bias.

    `keys` (n, k), scaled already; `query` (k,); `bias` (n,); `softcap` limits scores smoothly,
    None where nothing does.
    """

    keys: Array
    query: Array
    bias: Array
    softcap: float | None = None

    def at(self, positions: NDArray[np.bool_]) -> Scores:
        """The scores of some positions, (n,) true there, alone."""
        return replace(self, keys=self.keys[positions], bias=self.bias[positions])

    def weights(self, query: Array) -> Array:
        """(n,) the weights under a query."""
        scores = self.keys @ query
        if self.softcap is not None:
            scores = self.softcap * np.tanh(scores / self.softcap)
        found: Array = softmax(scores + self.bias)
        return found

    def slopes(self, query: Array) -> Array:
        """(n, k) how the weights move with the query: (diag a - a a') K.

        Keys are taken from that of the largest weight, so that peaked weights leave no rounding.
        """
        weights, keys = self.weights(query), self.keys
        if self.softcap is not None:
            squashed = np.tanh(keys @ query / self.softcap)
            keys = (1 - squashed**2)[:, None] * keys
        keys = keys - keys[weights.argmax()]
        moved: Array = weights[:, None] * (keys - weights @ keys)
        return moved


@dataclass(frozen=True)
class Local:
    """What small changes of the query can do, to first order.

    Freedom of 0 proves that there are no such weights nearby. Of more there are, unless the query
    is a special one, at which what the head gives turns.

    `directions`: in how many directions they move the weights; `freedom`: in how many of these
    what the head gives stays. `condition`: how many times farther it moves in the direction in
    which it moves most than in that in which it moves least; None where there is freedom or no
    direction.
    """

    directions: int
    freedom: int
    condition: float | None


def local(scores: Scores, polytope: Polytope, averaged: Array, tolerance: float) -> Local:
    """The local freedom of producible weights; `averaged` (n, d) is what they average.

    The directions U (n, r) in which a query moves the weights are orthonormal. Freedom is their
    number less the rank of Q'U, whose singular values are cosines between 0 and 1 of the angles
    between U and what the head gives, see `Polytope.basis`. So it is never more than the freedom of
    all weights.
    """
    own = scores.weights(scores.query)
    moved = scores.slopes(scores.query)
    others = np.arange(len(own)) != own.argmax()
    there = np.linalg.norm(own[others, None] * scores.keys[others], 2) if others.any() else 0.0
    largest = max(float(np.linalg.norm(moved, 2)), float(there))
    directions = column_space(moved, tolerance, largest)  # (n, r)
    count = directions.shape[1]
    if not count:
        return Local(0, 0, None)
    directions = directions - directions.mean(0)  # which is 0 but for rounding
    cosines = np.linalg.svd(polytope.basis.T @ directions[polytope.face], compute_uv=False)
    seen = int((cosines > max(tolerance, _RIGHT)).sum())
    condition = None
    if seen == count:
        far = np.linalg.svd(averaged.T @ directions, compute_uv=False)[:count]
        condition = float(far[0] / far[-1]) if far[-1] > 0 else None
    return Local(count, count - seen, condition)


@dataclass(frozen=True)
class Others:
    """What Newton's method found from other queries.

    `starts` of them; `same` came back to the weights of the model, `unsolved` found no weights that
    leave what the head gives as it is. `members` (m, n) are the distinct others.
    """

    starts: int
    same: int
    unsolved: int
    members: Array


def others(
    scores: Scores, polytope: Polytope, starts: int, generator: np.random.Generator
) -> Others:
    """Other producible weights with the same output, from random queries around the own one.

    Levenberg and Marquardt's form of Newton's method (MINPACK by scipy) solves Q'(softmax(K q') -
    a) = 0 for q', with Q the basis of the polytope. What is off by up to 1e-9 is a solution. It is
    another one if the weights are farther than .001 in total variation from the model's, and it is
    new if it is as far from the others. None found does not mean that there is none.
    """
    own, face, basis = scores.weights(scores.query), polytope.face, polytope.basis
    found: list[Array] = []
    same = unsolved = 0
    count, size = len(scores.query), float(np.linalg.norm(scores.query))
    # MINPACK needs no fewer equations than unknowns: 0 = 0 makes up for those that are missing.
    missing = max(0, count - basis.shape[1])

    def off(query: Array) -> Array:
        return np.pad(basis.T @ (scores.weights(query) - own)[face], (0, missing))

    def slopes(query: Array) -> Array:
        return np.pad(basis.T @ scores.slopes(query)[face], ((0, missing), (0, 0)))

    for _ in range(starts):
        step = generator.normal(size=count) * generator.choice(_SIZES) * size / math.sqrt(count)
        solved = least_squares(
            off,
            scores.query + step,
            slopes,
            method="lm",
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
            max_nfev=500,
        )
        weights = scores.weights(solved.x)
        if np.linalg.norm(solved.fun) > SOLVED:
            unsolved += 1
        elif _apart(weights, own) <= _SAME:
            same += 1
        elif all(_apart(weights, other) > _SAME for other in found):
            found.append(weights)
    return Others(starts, same, unsolved, np.array(found).reshape(-1, len(own)))


def _apart(one: Array, other: Array) -> float:
    return float(np.abs(one - other).sum() / 2)
