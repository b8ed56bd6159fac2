"""Which rankings are told apart from the first: paired differences, corrected for their number.

The first is the one that scores best on these very texts. So it is flattered, and a ranking that is
not told apart from it may be as good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.measures.rank import holm
from attnaudit.measures.sample import Sample

Array = NDArray[np.float64]
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """How much worse a ranking scores than another on the same texts, with its 95 % interval.

    `p` is two-sided, corrected by Holm's method; None where fewer than two texts have both.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None

    @property
    def told_apart(self) -> bool:
        """Whether the two differ by more than chance."""
        return self.p is not None and self.p <= LEVEL


def differences(
    scores: Mapping[str, Array], other: str, sample: Sample, seed: int
) -> dict[str, Difference]:
    """Of each ranking but `other`: its scores less those of `other`, where more is better.

    `scores` (n,) hold NaN where undefined. Intervals are percentiles of the bootstrap, of groups
    where there are groups, and the p-value is twice the smaller share of draws on one side of 0,
    each counted with one draw more (Efron & Tibshirani 1993, chapters 13 and 15).
    """
    found: dict[str, tuple[float, float, float, float] | None] = {
        name: _paired(column - scores[other], sample, seed)
        for name, column in scores.items()
        if name != other
    }
    corrected = holm([np.nan if one is None else one[3] for one in found.values()])
    return {
        name: Difference(None, None, None, None)
        if one is None
        else Difference(one[0], one[1], one[2], float(p))
        for (name, one), p in zip(found.items(), corrected, strict=True)
    }


def _paired(
    difference: Array, sample: Sample, seed: int
) -> tuple[float, float, float, float] | None:
    """The mean, the ends of its interval, and the p-value of no difference."""
    both = np.isfinite(difference)
    if both.sum() < 2:
        return None
    part = sample.part(both)
    if part.units < 2:
        return None
    drawn = Bootstrap(part, seed).means(difference[both, None])[:, 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    above, below = (drawn >= 0).sum() + 1, (drawn <= 0).sum() + 1
    p = min(1.0, 2 * min(above, below) / (len(drawn) + 1))
    return float(difference[both].mean()), float(low), float(high), p


def best_first(means: Mapping[str, float | None], lower: bool) -> Sequence[str]:
    """The names by their means, the best first; those without one last."""
    sign = 1 if lower else -1
    return sorted(means, key=lambda n: (means[n] is None, sign * (means[n] or 0.0)))
