"""The weights that leave what a head gives as it is, whether or not the model can make them.

Of a row with weights a (n,) over n positions, whose averaged vectors are T (n, d), they are

    P(a) = {b : b >= 0, sum b = 1, b'T = a'T},

a polytope (after Brunner et al. 2020, section 3, who ask for no distribution). Only singular
values, one small system of equations and linear programs are needed. All is in float64.

Letters in shape comments: n positions, d dimensions, r rank, m members.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, nnls  # type: ignore[import-untyped]

Array = NDArray[np.float64]
NOTHING = 1e-9  # a weight that counts as 0
FIXED = 1e-12  # of the square of what is left of a token in the directions of freedom
_STEPS, _SOLVED = 100, 1e-13
_HIGHS = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}


@dataclass(frozen=True)
class Ends:
    """How far the weight of each token can move inside a polytope.

    `low` and `high` (n,) in [0, 1]; NaN where a linear program failed. Every end is the weight of
    the token in one of `members` (m, n), which are corners of the polytope, and `sparsest` (n,) is
    the corner with the fewest weights above 0 among those that were met. Corners have no more than
    the rank of [T, 1]. To find the fewest of all is hard (it is NP-hard), and none is promised.
    """

    low: Array
    high: Array
    members: Array
    sparsest: Array

    @property
    def support(self) -> int:
        """How many weights of `sparsest` are above 0."""
        return int((self.sparsest > NOTHING).sum())


class Polytope:
    """P(a), see the module.

    `weights` (n,), all of them positive but for rounding; `averaged` (n, d). Singular values up to
    `tolerance` times the largest one count as 0. The rank is that of [T / s, 1], where s is the
    length of the longest row of T: so the unit of T has no say.

    A weight of exactly 0 is at the border. Where no member gives such a position any weight, it
    is no part of the polytope's `face`, and counts as fixed.
    """

    def __init__(self, weights: Array, averaged: Array, tolerance: float) -> None:
        self.weights = weights / weights.sum()
        longest = float(np.linalg.norm(averaged, axis=1).max(initial=0.0))
        ones = np.ones((len(weights), 1))
        self._rows = np.hstack([averaged / (longest or 1.0), ones])  # (n, d + 1)
        self._tolerance = tolerance
        self.face = self._face()

    @cached_property
    def basis(self) -> Array:
        """(face, r) orthonormal columns that span those of [T, 1], on the positions of the face."""
        return column_space(self._rows[self.face], self._tolerance)

    @property
    def freedom(self) -> int:
        """The dimension of the smallest flat space that holds it: positions of the face less r."""
        return len(self.basis) - int(self.basis.shape[1])

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """(n,) positions that have the same weight in all members."""
        found = ~self.face
        found[self.face] = 1 - (self.basis**2).sum(1) <= FIXED
        return found

    def least_norm(self) -> Array:
        """(n,) the member with the least sum of squares; there is one.

        It is max(0, Q y) for the y that maximises y'Q'a - |max(0, Q y)|^2 / 2, with Q the basis:
        Newton's method on this dual, whose solution is exact once it knows which weights are 0.
        """
        found = np.zeros(len(self.weights))
        found[self.face] = self._newton(self.basis, self.weights[self.face])
        return found

    def ends(self) -> Ends:
        """The range of each weight by two linear programs a token (HiGHS), but for fixed tokens.

        An end at 0 that some member has already shown takes none.
        """
        low, high = self.weights.copy(), self.weights.copy()
        members = [self.weights]
        moving = np.flatnonzero(~self.fixed)
        if len(moving):
            least = 1e-4 * self.weights.max()
            corner = self._corner(1 / np.maximum(self.weights, least))
            members += [] if corner is None else [corner]
        for j in moving:
            cost = np.zeros(len(self.weights))
            for sign, end in ((-1.0, high), (1.0, low)):
                if sign > 0 and any(member[j] <= 0 for member in members):
                    end[j] = 0.0
                    continue
                cost[j] = sign
                corner = self._corner(cost)
                end[j] = np.nan if corner is None else corner[j]
                members += [] if corner is None else [corner]
        sparsest = min(members, key=lambda member: int((member > NOTHING).sum()))
        return Ends(low, high, np.array(members), sparsest)

    def _face(self) -> NDArray[np.bool_]:
        """(n,) the positions to which some member gives weight.

        Those are all where every weight is positive. Else one linear program finds them: directions
        in which no weight of 0 falls and as many as can be rise.
        """
        positive: NDArray[np.bool_] = self.weights > 0
        if positive.all():
            return positive
        rows = column_space(self._rows, self._tolerance)
        up, zeros = rows[positive], rows[~positive]
        count = len(zeros)
        cost = np.concatenate([np.zeros(len(up)), -np.ones(count), np.zeros(count)])
        bounds = [(None, None)] * len(up) + [(0, 1)] * count + [(0, None)] * count
        equal = np.vstack([up, zeros, zeros]).T
        found = linprog(cost, A_eq=equal, b_eq=np.zeros(len(equal)), bounds=bounds, options=_HIGHS)
        if found.status == 0:
            positive[~positive] = found.x[len(up) : len(up) + count] > 0.5
        return positive

    def _corner(self, cost: Array) -> Array | None:
        """(n,) a member of least cost; None where the linear program fails."""
        face = self.face
        own, equal = self.weights[face], self.basis.T
        found = linprog(
            cost[face],
            A_eq=equal,
            b_eq=np.zeros(len(equal)),
            bounds=np.column_stack([-own, np.full(len(own), np.inf)]),
            options=_HIGHS,
        )
        if found.status != 0:
            return None
        member = np.zeros(len(self.weights))
        member[face] = np.maximum(0, own + found.x)
        return member

    @staticmethod
    def _newton(basis: Array, weights: Array) -> Array:
        kept = basis.T @ weights  # (r,) what all members have in common
        place = kept
        small = 1e-14 * np.eye(len(kept))

        def value(at: Array) -> float:
            return float(kept @ at - (np.maximum(0, basis @ at) ** 2).sum() / 2)

        for _ in range(_STEPS):
            member = np.maximum(0, basis @ place)
            slope = kept - basis.T @ member
            if np.abs(slope).max(initial=0.0) <= _SOLVED:
                return member
            part = basis[member > 0]
            step = np.linalg.lstsq(part.T @ part + small, slope, rcond=None)[0]
            size, gain = 1.0, float(slope @ step)
            while size > 1e-10 and value(place + size * step) < value(place) + 1e-4 * size * gain:
                size /= 2
            place = place + size * step
        return _least_distance(basis, weights)


def column_space(matrix: Array, tolerance: float, reference: float | None = None) -> Array:
    """(n, r) an orthonormal basis of the columns of a matrix (n, d).

    Singular values up to `tolerance` times the largest, or times `reference`, count as 0.
    """
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    largest = values.max(initial=0.0) if reference is None else reference
    return left[:, values > tolerance * largest]


def _least_distance(basis: Array, weights: Array) -> Array:
    """The member of least norm by Lawson & Hanson's (1974, chapter 23) least distance programming.

    Slower, and it needs no good start.
    """
    free = np.linalg.svd(basis, full_matrices=True)[0][:, basis.shape[1] :]  # (n, freedom)
    visible = basis @ (basis.T @ weights)
    target = np.zeros(free.shape[1] + 1)
    target[-1] = 1
    stacked = np.vstack([free.T, -visible])
    solved, _ = nnls(stacked, target)
    left = stacked @ solved - target
    member: Array = np.maximum(0, visible - free @ (left[:-1] / left[-1]))
    return member
