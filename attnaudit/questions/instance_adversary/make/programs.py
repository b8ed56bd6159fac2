"""Linear programs over weights that keep the answer: a batch of them at once, by the dual simplex.

Each maximises `gains . q` over weights q with `low <= q <= high` whose answer lies within limits
(see `nearby`). There are endlessly many limits: a program begins with none, and whenever its
solution breaks one it takes that limit in and goes on. It ends where its solution breaks none by
more than `CLOSE`. Only limits that bind have to be kept, at most as many as there are classes, so
that the tables stay small: one array holds those of a whole batch.

HiGHS, by scipy's `linprog`, took about 5 ms for each program alone. As one block-diagonal program,
those of 32 texts took it between half of the time that they take here and all of it. But it was
given the limits that count, which still have to be found here; and `linprog` cannot go on from the
last solution when limits come in, or when gains or bounds change.

The bound that counts, `Programs.bound`, does not rest on this arithmetic: it is taken from the
multipliers by weak duality, and holds whatever they are.

The table of a program is of the usual form, `basic + table @ others = last column`, its last row
the reduced costs. Columns of a fixed sum (one) and of padding are zero, so that they never enter.

Letters in shape comments: N programs, T tokens, K kept limits, C classes. Variables are numbered:
T weights, K slacks of limits, and the slack of the sum, which is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.questions.instance_adversary.make.nearby import Nearby

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
CLOSE = 1e-2  # in logits
ROUNDING = 1e-9
EMPTY = 1e-7  # by how much bounds must be broken for a program to have no solution
PIVOTS = 150
SPARE = 4  # limits kept beyond those that can bind


@dataclass
class Programs:
    """Programs of the texts `text` (N,), with what their tables say; `solve` changes these."""

    text: Places  # (N,)
    content: Mask  # (N, T)
    table: Array  # (N, K + 2, T + 1)
    rows: Places  # (N, K + 1) the basic variables
    columns: Places  # (N, T) the others
    upper: Mask  # (N, T) those of the others that are at their upper bound
    pulls: Array  # (N, K, T) of the limits `pulls @ q <= limits`
    limits: Array  # (N, K)
    widest: Array  # (N, K) what no slack exceeds

    @classmethod
    def over(cls, content: Mask, gains: Array, classes: int) -> Programs:
        """One program a text (B, T), without limits: all weight is where it gains most."""
        count, tokens = content.shape
        kept = min(classes - 1, tokens) + SPARE
        each, first = np.arange(count), np.where(content, gains, -np.inf).argmax(1)
        table = np.zeros((count, kept + 2, tokens + 1))
        table[:, 0, :tokens] = content
        table[each, 0, first] = 0
        table[:, :-1, tokens] = 1
        rows = np.tile(np.arange(tokens - 1, tokens + kept), (count, 1))
        rows[:, 0] = first
        columns = np.tile(np.arange(tokens), (count, 1))
        columns[each, first] = tokens + kept
        none = np.zeros((count, kept))
        pulls = np.zeros((count, kept, tokens))
        upper = np.zeros((count, tokens), bool)
        return cls(each, content, table, rows, columns, upper, pulls, none, none + np.inf)

    @classmethod
    def joined(cls, several: Sequence[Programs]) -> Programs:
        """All of them, in this order."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in several]) for f in fields(cls)))

    def take(self, which: Places | Mask | slice) -> Programs:
        """A copy of some of the programs."""
        return Programs(*(getattr(self, f.name)[which] for f in fields(self)))

    def solve(self, nearby: Nearby, gains: Array, low: Array, high: Array) -> tuple[Array, Mask]:
        """Weights (N, T) that maximise `gains` (N, T), and which programs have no solution.

        Goes on from the solution before. Where no end is found, weights are NaN.
        """
        count, tokens = gains.shape
        weights, empty = np.full((count, tokens), np.nan), np.zeros(count, bool)
        slacks = np.zeros((count, self.limits.shape[1] + 1))
        self._price(np.concatenate([gains, slacks], 1))
        floor = np.concatenate([low, slacks], 1)
        ceiling = np.concatenate([high, self.widest, slacks[:, :1]], 1)
        run, where = self.take(np.arange(count)), np.arange(count)
        for _ in range(PIVOTS):
            basic, others = run._values(floor, ceiling)
            n = np.arange(len(where))
            under = run._of(floor, run.rows) - basic
            broken = np.maximum(under, basic - run._of(ceiling, run.rows))  # (N, K + 1)
            row = broken.argmax(1)
            below, worst = under[n, row] > 0, broken[n, row]
            done = worst <= ROUNDING
            at = done.nonzero()[0]
            if at.size:
                q = run._weights(basic, others, at)
                taken, slot = run._take_in(nearby, ceiling, q, basic, at)
                weights[where[at[~taken]]] = q[~taken]
                at, slot = at[taken], slot[taken]
                done[at], row[at], below[at] = False, slot, True
            column, possible = run._entering(row, below)
            stuck = ~done & ~possible
            empty[where[stuck]] = worst[stuck] > EMPTY
            go = ~done & ~stuck
            run._pivot(go.nonzero()[0], row[go], column[go], ~below[go])
            if 4 * go.sum() < 3 * len(go):
                self._put(where, run)
                where, floor, ceiling = where[go], floor[go], ceiling[go]
                run = run.take(go)
                if not where.size:
                    return weights, empty
        self._put(where, run)
        return weights, empty

    def bound(self, gains: Array, low: Array, high: Array) -> Array:
        """What `gains . q` (N,) cannot exceed, by weak duality: whatever the multipliers are."""
        tokens, kept = self.pulls.shape[2], self.pulls.shape[1]
        multipliers = np.zeros((len(gains), tokens + kept + 1))
        n = np.arange(len(gains))[:, None]
        multipliers[n, self.columns] = np.maximum(self.table[:, -1, :tokens], 0.0)
        multipliers = multipliers[:, tokens:-1]
        left = gains - (multipliers[:, None] @ self.pulls)[:, 0]
        left = np.where(self.content, left, -1e300)
        order = (-left).argsort(1)
        room = (high - low)[n, order]
        before = room.cumsum(1) - room
        filled = np.clip(1 - low.sum(1, keepdims=True) - before, 0.0, room)
        least = np.where(self.content, left * low, 0.0).sum(1)
        most = np.where(filled > 0, left[n, order] * filled, 0.0).sum(1)
        bound: Array = least + most + (multipliers * self.limits).sum(1)
        return bound

    def _price(self, gains: Array) -> None:
        """Reduced costs of new gains; columns go to the bound that has the right sign for them."""
        body = self.table[:, :-1, :-1]
        costs = (self._of(gains, self.rows)[:, None] @ body)[:, 0] - self._of(gains, self.columns)
        costs = np.where(self._fixed(), 0.0, costs)
        self.table[:, -1, :-1] = costs
        self.upper = np.where(costs == 0, self.upper, costs < 0)

    def _fixed(self) -> Mask:
        """(N, T) which columns never enter: of padding, and of the sum."""
        return self._fixed_of(np.arange(len(self.text)))

    @staticmethod
    def _of(values: NDArray[Any], variables: Places) -> Any:
        """The values (N, ...) of these variables (N, ...)."""
        return values[np.arange(len(values))[:, None], variables]

    def _values(self, floor: Array, ceiling: Array) -> tuple[Array, Array]:
        """What the basic variables are, (N, K + 1), and the others, (N, T)."""
        others = np.where(
            self.upper, self._of(ceiling, self.columns), self._of(floor, self.columns)
        )
        body = self.table[:, :-1]
        return body[:, :, -1] - (body[:, :, :-1] @ others[:, :, None])[:, :, 0], others

    def _weights(self, basic: Array, others: Array, at: Places) -> Array:
        tokens, kept = self.pulls.shape[2], self.pulls.shape[1]
        values, n = np.zeros((len(at), tokens + kept + 1)), np.arange(len(at))[:, None]
        values[n, self.rows[at]] = basic[at]
        values[n, self.columns[at]] = others[at]
        return values[:, :tokens]

    def _take_in(
        self, nearby: Nearby, ceiling: Array, q: Array, basic: Array, at: Places
    ) -> tuple[Mask, Places]:
        """Which programs `at` take in a limit that their weights `q` break, and in which row.

        It replaces the limit that is farthest from being met.
        """
        tokens, kept = self.pulls.shape[2], self.pulls.shape[1]
        texts = self.text[at]
        normal, limit, over = nearby.limits(texts, nearby.logits(texts, q))
        idle = np.where(self.rows[at] >= tokens, basic[at], -np.inf)  # (n, K + 1)
        row = idle.argmax(1)
        taken = (over > CLOSE) & np.isfinite(idle.max(1))
        a, r = at[taken], row[taken]
        if a.size:
            k = self.rows[a, r] - tokens
            pulls = (nearby.tokens[texts[taken]] @ normal[taken][:, :, None])[:, :, 0]
            pulls = np.where(self.content[a], pulls, 0.0)
            self.pulls[a, k], self.limits[a, k] = pulls, limit[taken]
            least = np.where(self.content[a], pulls, np.inf).min(1)
            self.widest[a, k] = ceiling[a, tokens + k] = limit[taken] - least
            full = np.concatenate([pulls, np.zeros((len(a), kept + 1))], 1)
            body, on_basic = self.table[a, :-1], self._of(full, self.rows[a])
            made = -(on_basic[:, None] @ body)[:, 0]  # (n, T + 1)
            made[:, :-1] += self._of(full, self.columns[a])
            made[:, :-1][self._fixed_of(a)] = 0
            made[:, -1] += limit[taken]
            self.table[a, r] = made
        return taken, row

    def _fixed_of(self, at: Places) -> Mask:
        """(n, T) `_fixed` of some."""
        tokens = self.pulls.shape[2]
        columns = self.columns[at]
        inside = np.minimum(columns, tokens - 1)
        padding = (columns < tokens) & ~self._of(self.content[at], inside)
        fixed: Mask = padding | (columns == tokens + self.pulls.shape[1])
        return fixed

    def _entering(self, row: Places, below: Mask) -> tuple[Places, Mask]:
        """The column (N,) that takes the place of each row's variable, and whether there is one."""
        tokens = self.pulls.shape[2]
        line = self.table[np.arange(len(row)), row, :tokens]
        line = np.where(self.upper == below[:, None], line, -line)
        possible = line > ROUNDING
        costs = np.abs(self.table[:, -1, :tokens])
        ratio = np.where(possible, costs, np.inf) / np.where(possible, line, 1.0)
        column = ratio.argmin(1)
        return column, possible[np.arange(len(row)), column]

    def _pivot(self, at: Places, row: Places, column: Places, upper: Mask) -> None:
        """Change places of the variables of a row and a column, which goes to a bound."""
        if not at.size:
            return
        down = np.zeros(self.table.shape[:2])  # (N, K + 2), 0 where nothing is to be done
        across = np.zeros((len(self.text), self.table.shape[2]))
        found = self.table[at, :, column]
        pivot = found[np.arange(len(at)), row][:, None]
        down[at], across[at] = found, self.table[at, row] / pivot
        self.table -= down[:, :, None] * across[:, None]
        self.table[at, row] = across[at]
        self.table[at, :, column] = -found / pivot
        self.table[at, row, column] = 1 / pivot[:, 0]
        self.rows[at, row], self.columns[at, column] = (
            self.columns[at, column],
            self.rows[at, row],
        )
        self.upper[at, column] = upper

    def _put(self, where: Places, run: Programs) -> None:
        for f in fields(self):
            getattr(self, f.name)[where] = getattr(run, f.name)
