"""Percentile bootstrap: what a figure would have been on another sample of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.summary import Estimate

Array = NDArray[np.float64]

DRAWS = 2000
PERCENTILES = (2.5, 97.5)
CHUNK_CELLS = 2**22  # resampling counts held at once: 32 MiB of float64


class Bootstrap:
    """Resamples of `n` instances, the same ones for every figure: figures stay paired.

    Whole groups are drawn where `groups` (n,) names them (cluster bootstrap: the sentences of one
    document are no independent sample), else single instances. Draws depend on the seed, `n` and
    the grouping alone. (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.)
    """

    def __init__(
        self,
        n: int,
        groups: Sequence[Hashable] | None = None,
        seed: int = 0,
        draws: int = DRAWS,
    ) -> None:
        if groups is not None and len(groups) != n:
            raise ValueError(f"{len(groups)} group labels for {n} instances")
        self.n, self.seed, self.draws = n, seed, draws
        self._unit: NDArray[np.int64] | None = None  # the group of each instance, (n,)
        self.units = n
        if groups is not None:
            numbers: dict[Hashable, int] = {}
            self._unit = np.array([numbers.setdefault(g, len(numbers)) for g in groups], np.int64)
            self.units = len(numbers)

    @classmethod
    def by_group(cls, groups: Sequence[str | None], seed: int = 0) -> Bootstrap:
        """Resamples of instances by the name of each one's group, (n,).

        None is an instance of no group: it is drawn by itself, as all are where none has a group.
        """
        if not any(groups):
            return cls(len(groups), seed=seed)
        units = [row if group is None else group for row, group in enumerate(groups)]
        return cls(len(groups), units, seed=seed)

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
        defined = np.isfinite(values)
        sums = self._by_unit(np.where(defined, values, 0.0))
        sizes = self._by_unit(defined.astype(np.float64))
        # One pass over the draws serves both.
        drawn_sums, drawn_sizes = np.hsplit(self._drawn(np.hstack([sums, sizes])), 2)
        estimates = []
        for k, (total, size) in enumerate(zip(sums.sum(0), sizes.sum(0), strict=True)):
            n = int(size)
            if not n:
                reason = "no instance gave a value"
                estimates.append(Estimate(None, undefined=self.n, reason=reason))
                continue
            usable = drawn_sizes[:, k] > 0
            drawn = drawn_sums[usable, k] / drawn_sizes[usable, k]
            units = int(np.count_nonzero(sizes[:, k]))
            estimates.append(self._estimate(total / n, drawn, n, units))
        return estimates

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
        drawn: list[float] = []
        if self.units > 1:
            for rows in self._rows():
                result = function(*(a[rows] for a in arrays))
                if result is not None:
                    drawn.append(result)
        return self._estimate(value, np.array(drawn), self.n, self.units)

    def sums(self, values: ArrayLike) -> Array:
        """The sum of every column over each resample: (draws, figures), from values (n, figures).

        Resamples differ in size where groups are drawn; a column of ones gives their sizes.
        """
        return self._drawn(self._by_unit(np.asarray(values, np.float64)))

    def _estimate(self, value: float, drawn: Array, n: int, units: int) -> Estimate:
        """The estimate that rests on `n` instances of `units` units, with its draws' interval."""
        undefined = self.n - n
        if units > 1 and drawn.size:
            low, high = np.percentile(drawn, PERCENTILES)
            return Estimate(float(value), float(low), float(high), n, undefined)
        reason = "no interval: no resample gave a value"
        if units < 2:
            what = "instance" if self._unit is None else "group"
            reason = f"no interval: only one {what} gave a value"
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

    def _by_unit(self, values: Array) -> Array:
        """Sums over the instances of each unit, (units, figures)."""
        if self._unit is None:
            return values
        sums = np.empty((self.units, values.shape[1]))
        for k in range(values.shape[1]):
            sums[:, k] = np.bincount(self._unit, values[:, k], self.units)
        return sums

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
