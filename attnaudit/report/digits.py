"""How many digits a figure is shown with.

The rule for papers: a figure with an interval is rounded at the second significant digit of half
the interval's width, and so are the interval's ends (JCGM 100:2008, section 7.2.6, gives an
uncertainty at most two significant digits). So 0.3229 with an interval from 0.3075 to 0.3381 is
shown as 0.323 [0.308, 0.338], and 0.2983 with one from 0.157 to 0.578 as 0.30 [0.16, 0.58]. A
figure without an interval, or with one of no width, is shown with three digits after the point.

Like `decimal.localcontext`, `digits` sets what holds for all that is shown within its block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from attnaudit.wording import decimal

USUAL = 3  # digits after the point, where nothing says otherwise
MOST = 10
_MOST_BY_INTERVAL = 6
_NOTHING = 1e-15  # a figure nearer to 0 is what rounding leaves

Digits = int | Literal["interval"]
_asked: ContextVar[Digits] = ContextVar("digits", default=USUAL)


@contextmanager
def digits(asked: Digits) -> Iterator[None]:
    """Show figures within the block with `asked` digits after the point, or by their intervals."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def places(low: float | None = None, high: float | None = None) -> int | None:
    """The digits after the point that an interval from `low` to `high` warrants.

    None where nothing is to go by it: without an interval, or where another number was asked for.
    """
    if _asked.get() != "interval" or low is None or high is None or not high > low:
        return None
    # As it is written with two digits: .0996 becomes .10, whose first digit is a place higher.
    exponent = int(f"{(high - low) / 2:.1e}".partition("e")[2])
    return min(max(1 - exponent, 0), _MOST_BY_INTERVAL)


def shown(value: float, after: int | None = None) -> str:
    """A figure with `after` digits after the point.

    By default they are those that were asked for, else three, and powers of ten stand where they
    would leave nothing. A figure nearer to 0 than 1e-15 is shown as 0.
    """
    value = 0.0 if abs(value) < _NOTHING else value
    if after is None:
        asked = _asked.get()
        after = USUAL if asked == "interval" else asked
        if value and abs(value) < 0.5 * 10**-after:
            return f"{value:.1e}"
    return decimal(value, after)


def exact(value: float) -> str:
    """A figure for programs: as it is, or with the digits that were asked for."""
    asked = _asked.get()
    if asked == "interval":
        return repr(value)
    return shown(value)
