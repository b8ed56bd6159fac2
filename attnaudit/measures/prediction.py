"""How far one more draw may go, from the draws that there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit  # type: ignore[import-untyped]


def upper_bound(values: ArrayLike, confidence: float) -> float:
    """The bound below which one further draw lies with a chance of `confidence`.

    `mean + t(confidence, S - 1) sd sqrt(1 + 1 / S)` of `values` (S,), the one-sided prediction
    bound of independent draws from one normal distribution (Hahn & Meeker 1991, Statistical
    Intervals, section 4.7).

    Raises:
        ValueError: There are fewer than two values, which do not tell how far they spread.
    """
    values = np.asarray(values, np.float64)
    count = len(values)
    if count < 2:
        raise ValueError(f"{count} values do not show how far a further value may go")
    spread = float(values.std(ddof=1)) * (1 + 1 / count) ** 0.5
    bound: float = float(values.mean()) + float(stdtrit(count - 1, confidence)) * spread
    return bound
