"""How figures stand in sentences."""

from __future__ import annotations


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 as a percentage, rounded: `13 %` for .13."""
    return f"{100 * share:.{digits}f} %"


def percent_of(level: float) -> str:
    """The level of an interval: `95 %`, or `98.4 %` at a look that has its own."""
    return f"{100 * level:.3g} %"
