"""The instances that figures rest on, and how far a figure would move on others of their kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.columns import Names
from attnaudit.measures.limits import (
    NORMAL,
    UNBOUNDED,
    Bounds,
    Ends,
    constant_ends,
    ends,
    is_at,
    median_ends,
    quantile,
    share_ends,
)
from attnaudit.measures.summary import Estimate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """A figure as a mean: `values` (n,), whose mean it is, and whose variance on other samples too.

    A mean is that as it stands; of other figures the values are what each instance adds (their
    influence, Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 22). Near the end
    of its range their variance tells little: `draws` is of how many independent draws the figure
    has the certainty at the end, were it a share, and `least` a variance that it has at least.
    """

    values: Array
    draws: float
    least: float = 0.0

    @property
    def value(self) -> float:
        """The figure."""
        return float(self.values.mean())


class Sample:
    """`n` instances, each drawn by itself or as one of a group, such as a document's sentences.

    Instances of a group are alike, so that they tell less than as many others. Where `groups` (n,)
    names them, variances are those of sums over groups. `units` counts the groups, or instances
    where there is none; `unit` (n,) numbers the group of each instance, and is None then.
    """

    def __init__(
        self, n: int, groups: Sequence[Hashable] | NDArray[np.integer[Any]] | None = None
    ) -> None:
        if groups is not None and len(groups) != n:
            raise ValueError(f"{len(groups)} group labels for {n} instances")
        self.n, self.units = n, n
        self.unit: NDArray[np.int64] | None = None
        if groups is not None:
            self.unit, self.units = _numbered(groups)

    @classmethod
    def by_group(cls, groups: Sequence[str | None]) -> Sample:
        """Instances by the name of each one's group, (n,); None is an instance of no group."""
        codes = groups.codes if isinstance(groups, Names) else Names(groups).codes
        return cls.by_code(codes)

    @classmethod
    def by_code(cls, codes: NDArray[np.integer[Any]]) -> Sample:
        """Instances by the number of each one's group, (n,); -1 for one of none."""
        n, alone = len(codes), codes < 0
        if alone.all():
            return cls(n)
        own = np.arange(n) - n  # below all numbers of groups
        return cls(n, np.where(alone, own, codes))

    def part(self, chosen: NDArray[np.bool_]) -> Sample:
        """The chosen ones of the instances, (n,), with their groups."""
        unit = None if self.unit is None else self.unit[chosen]
        return Sample(int(np.count_nonzero(chosen)), unit)

    def mean(self, values: ArrayLike, bounds: Bounds = UNBOUNDED) -> Estimate:
        """The mean of values (n,) inside `bounds`, with its 95 % interval.

        Values that are not finite are undefined, and left out. A mean of values at the two ends of
        the range is a share, and has Clopper and Pearson's interval: it has a width where all are
        at one end, too. Any other has that of `limits.ends`.

        Returns:
            An estimate. Its value is None if nothing is defined; its interval is None if fewer than
            two instances (or groups) give a value.

        Raises:
            ValueError: `values` is not (n,).
        """
        values = np.asarray(values, np.float64)
        if values.shape != (self.n,):
            raise ValueError(f"values must be ({self.n},), not of shape {values.shape}")
        defined = np.isfinite(values)
        n = int(np.count_nonzero(defined))
        undefined = self.n - n
        if not n:
            return Estimate(None, undefined=self.n, reason="no text gave a value")
        if undefined:
            found = self.part(defined).mean(values[defined], bounds)
            return replace(found, undefined=undefined)
        return self._with_ends(
            float(values.mean()), lambda value: self._mean_ends(values, value, bounds)
        )

    def means(
        self, columns: Mapping[str, Array], bounds: Callable[[str], Bounds]
    ) -> dict[str, Estimate]:
        """The mean of every column (n,) by name, inside the bounds of that name; see `mean`.

        Columns are asked for one after the other, so that those of a `Frame` are not all mapped.
        """
        return {name: self.mean(columns[name], bounds(name)) for name in columns}

    def median(self, values: ArrayLike, bounds: Bounds = UNBOUNDED) -> Estimate:
        """The median of values (n,), all of them defined, with its 95 % interval.

        See `limits.median_ends`. Among groups the number of independent draws is that at which the
        share of values up to the median has the variance that it has (Woodruff 1952).
        """
        values = np.asarray(values, np.float64)
        if not self.n:
            return Estimate(None, reason="no text gave a value")
        median = float(np.median(values))

        def found(_: float) -> Ends:
            below = (values < median) + (values == median) / 2
            return median_ends(values, self._effective(below, below.mean()), bounds)

        return self._with_ends(median, found)

    def score(self, figure: Linear | None, bounds: Bounds) -> Estimate:
        """A figure that is no mean, such as F1, with its 95 % interval; None: it is undefined."""
        if figure is None:
            return Estimate(None, n=self.n, reason="undefined on these texts")
        return self._with_ends(figure.value, lambda value: self._score_ends(figure, value, bounds))

    def covariance(self, values: ArrayLike) -> Array:
        """Of the means of figures, (figures, figures), from values (figures, n).

        That on other samples of so many instances, or groups; NaN for fewer than two.
        """
        values = np.asarray(values, np.float64)
        if values.ndim != 2 or values.shape[1] != self.n:
            raise ValueError(f"values must be (figures, {self.n}), not of shape {values.shape}")
        if self.units < 2:
            return np.full((len(values), len(values)), np.nan)
        sums = self._by_unit(values - values.mean(1, keepdims=True))  # (figures, units)
        found: Array = sums @ sums.T * (self.units / (self.units - 1) / self.n**2)
        return found

    def _with_ends(self, value: float, found: Callable[[float], Ends]) -> Estimate:
        if self.units < 2:
            what = "text" if self.unit is None else "group"
            reason = f"no interval: only one {what} gave a value"
            return Estimate(value, n=self.n, reason=reason)
        low, high = found(value)
        return Estimate(value, min(low, value), max(high, value), self.n)

    def _mean_ends(self, values: Array, value: float, bounds: Bounds) -> Ends:
        low, high = bounds
        if low is not None and high is not None and is_at(values, bounds).all():
            return self._share_ends((values - low) / (high - low), low, high - low)
        found = ends(value, self._margin(self._variance(values)), bounds)
        if bounds == (-1.0, 1.0) and np.isin(values, (-1, 0, 1)).all():
            # The difference of two shares: where they never differ nothing varies, and yet a text
            # on which they do may have been missed.
            least = constant_ends(value, self.units, bounds, 1.0)
            return min(found[0], least[0]), max(found[1], least[1])
        return found

    def _share_ends(self, values: Array, low: float, width: float) -> Ends:
        """Of a mean of 0 and 1, to be stretched to `width` from `low` on."""
        share = float(values.mean())
        size = self._effective(values, share)
        if self.unit is not None and 0 < share < 1:
            size *= (NORMAL / quantile(self.units - 1)) ** 2
        found = share_ends(share * size, size)
        return low + width * found[0], low + width * found[1]

    def _score_ends(self, figure: Linear, value: float, bounds: Bounds) -> Ends:
        # Nothing varies, and all is certain but for what was not seen. Sums of influences may miss
        # the end of the range by rounding.
        if any(end is not None and math.isclose(value, end, abs_tol=1e-9) for end in bounds):
            return constant_ends(value, figure.draws * self.units / self.n, bounds)
        variance = max(figure.least, self._variance(figure.values))
        return ends(value, self._margin(variance), bounds)

    def _effective(self, values: Array, value: float) -> float:
        """How many independent draws give a share of 0 and 1 the variance that it has: up to n."""
        if self.unit is None:
            return self.n
        variance = self._variance(values)
        if not 0 < value < 1 or variance <= 0:
            return self.units
        return min(float(self.n), value * (1 - value) / variance)

    def _variance(self, values: Array) -> float:
        """Of the mean of values (n,)."""
        return float(self.covariance(values[None])[0, 0])

    def _margin(self, variance: float) -> float:
        """The margin of error of a figure that varies so on other samples."""
        return quantile(self.units - 1) * math.sqrt(variance)

    def _by_unit(self, values: Array) -> Array:
        """Sums over the instances of each unit, (figures, units), from values (figures, n)."""
        if self.unit is None:
            return values
        return np.stack([np.bincount(self.unit, row, self.units) for row in values])


def _numbered(
    groups: Sequence[Hashable] | NDArray[np.integer[Any]],
) -> tuple[NDArray[np.int64], int]:
    """The number of each one's group, (n,), from 0 as they are first met; and how many."""
    if isinstance(groups, np.ndarray):
        known, inverse = np.unique(groups, return_inverse=True)
        return inverse.astype(np.int64), len(known)
    numbers: dict[Hashable, int] = {}
    numbered = (numbers.setdefault(group, len(numbers)) for group in groups)
    return np.fromiter(numbered, np.int64, len(groups)), len(numbers)
