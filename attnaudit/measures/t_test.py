"""The t-test of a mean, such as that of differences on the same texts."""

from __future__ import annotations

import math

from scipy.special import stdtr  # type: ignore[import-untyped]


def p_value(mean: float, variance: float, units: int) -> float:
    """The two-sided p-value of a mean if the truth is 0, in (0, 1].

    It is that of Student's t-test, but at least 2^(1 - units): no test of the signs of the
    differences gives less, and a few texts that differ by the same amount prove nothing.

    Args:
        mean: The mean.
        variance: Of the mean, on other samples of so many units; 0 or more.
        units: Independent texts, or groups of them; two at least.
    """
    if mean == 0:
        return 1.0
    spread = math.sqrt(variance)
    t = abs(mean) / spread if spread > 0 else math.inf
    p = 2 * float(stdtr(units - 1, -t))
    return max(p, 2.0 ** (1 - units))
