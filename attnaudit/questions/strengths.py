"""Lists of strengths that models are trained with, as users give them."""

from __future__ import annotations

import math


def checked_strengths(what: str, given: tuple[float, ...]) -> tuple[float, ...]:
    """The strengths as they are; ValueError for one below 0, not finite, or given twice.

    `what` is what one of them is called.
    """
    if not all(0 <= value < math.inf for value in given):
        raise ValueError(f"{what} must be 0 or larger")
    if len(set(given)) < len(given):
        raise ValueError("the same value occurs twice")
    return given
