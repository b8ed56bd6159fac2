"""How figures stand in sentences."""

from __future__ import annotations


def decimal(value: float, digits: int = 3) -> str:
    """A figure with so many digits after the point; what rounds to 0 has no sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 as a percentage, rounded: `13 %` for .13."""
    return f"{100 * share:.{digits}f} %"


def percent_of(level: float) -> str:
    """The level of an interval: `95 %`, or `98.4 %` at a look that has its own."""
    return f"{100 * level:.3g} %"
