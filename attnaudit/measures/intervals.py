"""Percentile bootstrap: what a figure would have been on another sample of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.columns import Names
from attnaudit.measures.summary import Estimate

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

DRAWS = 2000
PERCENTILES = (2.5, 97.5)
CHUNK_CELLS = 2**22  # resampling counts held at once: 32 MiB of float64
PASS_CELLS = 2**19  # values that go through the draws together: 8 MiB with their sizes
MOST_UNITS = 100_000  # more are drawn in blocks
BLOCKS = 10_000


class Bootstrap:
    """Resamples of `n` instances, the same ones for every figure: figures stay paired.

    Whole groups are drawn where `groups` (n,) names them (cluster bootstrap: the sentences of one
    document are no independent sample), else single instances. Draws depend on the seed, `n` and
    the grouping alone. (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.)

    More than 100,000 of these units are dealt out at random into 10,000 blocks of equal size, give
    or take one, and blocks are drawn. Of independent units the blocks are independent too: a
    resample of them has the same mean, and a variance that is smaller by a factor 1 - 1/10,000 and
    itself known to 1.4 %, which moves an end of an interval by less than the 2,000 draws do.
    """

    def __init__(
        self,
        n: int,
        groups: Sequence[Hashable] | NDArray[np.int64] | None = None,
        seed: int = 0,
        draws: int = DRAWS,
    ) -> None:
        if groups is not None and len(groups) != n:
            raise ValueError(f"{len(groups)} group labels for {n} instances")
        self.n, self.seed, self.draws = n, seed, draws
        self._unit: NDArray[np.int64] | None = None  # the group of each instance, (n,)
        self._drawn_by = "instance"
        self.units = n
        if groups is not None:
            self._unit, self.units = _numbered(groups)
            self._drawn_by = "group"
        if self.units > MOST_UNITS:
            generator = np.random.default_rng([seed, self.units])
            dealt = generator.permutation(self.units) % BLOCKS
            self._unit = dealt if self._unit is None else dealt[self._unit]
            self._drawn_by, self.units = "block", BLOCKS

    @classmethod
    def by_group(cls, groups: Sequence[str | None], seed: int = 0) -> Bootstrap:
        """Resamples of instances by the name of each one's group, (n,).

        None is an instance of no group: it is drawn by itself, as all are where none has a group.
        """
        codes = groups.codes if isinstance(groups, Names) else Names(groups).codes
        return cls.by_code(codes, seed)

    @classmethod
    def by_code(cls, codes: NDArray[np.integer[Any]], seed: int = 0) -> Bootstrap:
        """Resamples of instances by the number of each one's group, (n,); -1 for one of none."""
        n, alone = len(codes), codes < 0
        if alone.all():
            return cls(n, seed=seed)
        own = np.arange(n) - n  # below all numbers of groups
        return cls(n, np.where(alone, own, codes), seed=seed)

    @property
    def notes(self) -> list[str]:
        """A remark for the reader where the draws are no plain ones."""
        if self._drawn_by != "block":
            return []
        return [f"Intervals resample {BLOCKS:,} random blocks of the {self.n:,} instances."]

    def means(self, values: ArrayLike) -> list[Estimate]:
        """The mean of every column, with its 95 % percentile interval.

        Args:
            values: (n, figures); a value that is not finite is undefined. Undefined values are
                left out of the mean, and of the mean of each draw; a draw without any defined
                value is dropped.

        Returns:
            One estimate a column. Its value is None if nothing is defined; its interval is None
            if fewer than two instances (or groups) give a value.

        Raises:
            ValueError: `values` is not (n, figures).
        """
        values = np.asarray(values, np.float64)
        if values.ndim != 2 or len(values) != self.n:
            raise ValueError(f"values must be ({self.n}, figures), not of shape {values.shape}")
        return self._means(values.shape[1], lambda k: values[:, k])

    def means_by_name(self, columns: Mapping[str, Array]) -> dict[str, Estimate]:
        """The mean of every column, (n,) each, as `means` gives it.

        Columns are asked for one after the other, so that those of a `Frame` are not all mapped.
        """
        names = list(columns)
        found = self._means(len(names), lambda k: columns[names[k]])
        return dict(zip(names, found, strict=True))

    def _means(self, figures: int, column: Callable[[int], Array]) -> list[Estimate]:
        """The means of `column(0)` to `column(figures - 1)`, as many at once as fit."""
        at_once = max(1, PASS_CELLS // max(1, self.units))
        estimates = []
        for start in range(0, figures, at_once):
            some = range(start, min(start + at_once, figures))
            both = np.empty((self.units, 2 * len(some)))  # one pass over the draws serves both
            sums, sizes = np.hsplit(both, 2)
            for k, figure in enumerate(some):
                values = column(figure)
                defined = np.isfinite(values)
                sums[:, k] = self._by_unit(np.where(defined, values, 0.0))
                sizes[:, k] = self._by_unit(defined.astype(np.float64))
            drawn_sums, drawn_sizes = np.hsplit(self._drawn(both), 2)
            for k, (total, n) in enumerate(zip(sums.sum(0), sizes.sum(0), strict=True)):
                drawn = (drawn_sums[:, k], drawn_sizes[:, k])
                units = int(np.count_nonzero(sizes[:, k]))
                estimates.append(self._mean(total, int(n), drawn, units))
        return estimates

    def _mean(self, total: float, n: int, drawn: tuple[Array, Array], units: int) -> Estimate:
        """A mean over `n` instances of `units` units; `drawn` sums and sizes, (draws,) each."""
        if not n:
            return Estimate(None, undefined=self.n, reason="no instance gave a value")
        sums, sizes = drawn
        usable = sizes > 0
        return self._estimate(total / n, sums[usable] / sizes[usable], n, units)

    def statistic(self, function: Callable[..., float | None], *arrays: NDArray[Any]) -> Estimate:
        """A figure that is no mean (F1, AUROC), with its 95 % percentile interval.

        Args:
            function: Called with the rows of each array that a draw holds, repeated as often as
                drawn; None says that they leave the figure undefined, and the draw is dropped.
            arrays: Each (n, ...).

        Returns:
            The figure on all instances. Its value is None if it is undefined there; its interval
            is None if there are fewer than two instances (or groups).
        """
        value = function(*arrays)
        if value is None:
            return Estimate(None, n=self.n, reason="undefined on these instances")
        drawn = (function(*(a[rows] for a in arrays)) for rows in self._rows())
        return self._drawn_estimate(value, drawn)

    def counted(self, function: Callable[[Counts], float | None]) -> Estimate:
        """A figure that is told how often a draw holds each instance; else as `statistic`.

        It takes fewer steps where the function has sorted its instances once for all draws.

        Args:
            function: Called with (n,) counts; None says that the figure is undefined.
        """
        value = function(np.ones(self.n, np.int64))
        if value is None:
            return Estimate(None, n=self.n, reason="undefined on these instances")
        return self._drawn_estimate(value, map(function, self._counts()))

    def _drawn_estimate(self, value: float, drawn: Iterator[float | None]) -> Estimate:
        defined = [x for x in drawn if x is not None] if self.units > 1 else []
        return self._estimate(value, np.array(defined), self.n, self.units)

    def sums(self, values: ArrayLike) -> Array:
        """The sum of every column over each resample: (draws, figures), from values (n, figures).

        Resamples differ in size where groups are drawn; a column of ones gives their sizes.
        """
        values = np.asarray(values, np.float64)
        if self._unit is not None:
            values = np.stack([self._by_unit(column) for column in values.T], axis=1)
        return self._drawn(values)

    def _estimate(self, value: float, drawn: Array, n: int, units: int) -> Estimate:
        """The estimate that rests on `n` instances of `units` units, with its draws' interval."""
        undefined = self.n - n
        if units > 1 and drawn.size:
            low, high = np.percentile(drawn, PERCENTILES)
            return Estimate(float(value), float(low), float(high), n, undefined)
        reason = "no interval: no resample gave a value"
        if units < 2:
            reason = f"no interval: only one {self._drawn_by} gave a value"
        return Estimate(float(value), n=n, undefined=undefined, reason=reason)

    def _draw_units(self) -> Iterator[NDArray[np.int64]]:
        """The drawn units of each resample, (units,): one call a draw, so chunks do not matter."""
        generator = np.random.default_rng(self.seed)
        for _ in range(self.draws):
            yield generator.integers(0, self.units, self.units)

    def _rows(self) -> Iterator[NDArray[np.int64]]:
        """The drawn instances of each resample."""
        if self._unit is None:
            yield from self._draw_units()
            return
        order = np.argsort(self._unit, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(self._unit))[:-1])
        for units in self._draw_units():
            yield np.concatenate([members[u] for u in units])

    def _counts(self) -> Iterator[Counts]:
        """How often each resample holds each instance, (n,)."""
        for units in self._draw_units():
            counts: Counts = np.bincount(units, minlength=self.units)
            yield counts if self._unit is None else counts[self._unit]

    def _by_unit(self, values: Array) -> Array:
        """Sums over the instances of each unit, (units,), from values (n,)."""
        if self._unit is None:
            return values
        return np.asarray(np.bincount(self._unit, values, self.units), np.float64)

    def _drawn(self, sums: Array) -> Array:
        """The sums of every resample, (draws, figures), from those of each unit."""
        rows = min(self.draws, max(1, CHUNK_CELLS // max(1, self.units)))
        counts = np.empty((rows, self.units))  # how often each draw of the chunk holds each unit
        drawn = np.empty((self.draws, sums.shape[1]))
        for d, units in enumerate(self._draw_units()):
            counts[d % rows] = np.bincount(units, minlength=self.units)
            if d % rows == rows - 1 or d == self.draws - 1:
                start = d - d % rows
                drawn[start : d + 1] = counts[: d + 1 - start] @ sums
        return drawn


def _numbered(groups: Sequence[Hashable] | NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The number of each one's group, (n,), from 0 as they are first met; and how many."""
    if isinstance(groups, np.ndarray):
        _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[inverse], len(first)
    numbers: dict[Hashable, int] = {}
    numbered = (numbers.setdefault(group, len(numbers)) for group in groups)
    return np.fromiter(numbered, np.int64, len(groups)), len(numbers)
