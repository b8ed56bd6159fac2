"""Shares of answers, with their exact intervals."""

from __future__ import annotations

from collections import Counter

from scipy.special import betaincinv


def answers(found: Counter[str], draws: int) -> str:
    """The cells *for*, *against* and *no answer* of a table."""
    cells = [share(found[status], draws) for status in ("for", "against")]
    rest = draws - found["for"] - found["against"]
    return " | ".join([*cells, f"{rest / draws:.1%}"])


def share(count: int, draws: int) -> str:
    """A share with its exact 95 % interval (Clopper & Pearson 1934)."""
    low = betaincinv(count, draws - count + 1, 0.025) if count else 0.0
    high = betaincinv(count + 1, draws - count, 0.975) if count < draws else 1.0
    return f"{count / draws:.1%} [{low:.1%}, {high:.1%}]"
