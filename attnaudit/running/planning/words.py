"""Times in words, as plans and reports say them."""

from __future__ import annotations

import math

from attnaudit.running.planning.plan import Span


def span_words(span: Span) -> str:
    """The likely time and the range: `about 3 min (2 min to 5 min)`."""
    return f"about {time_words(span.likely)} ({time_words(span.low)} to {time_words(span.high)})"


def time_words(seconds: float) -> str:
    """Two digits are more than enough: `0.4 s`, `12 s`, `3 min`, `2.5 h`, `4 days`."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{_round(seconds / size)} {unit}"
    return f"{_round(seconds)} s"


def _round(number: float) -> str:
    if number == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(number)))
    return f"{number:.{min(digits, 1)}f}"
