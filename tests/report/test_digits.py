"""How many digits figures get: the rule against decimal arithmetic."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.summary import Table
from attnaudit.report.digits import digits, exact, places, shown
from attnaudit.report.layout import laid_out, number

HALVES = st.floats(1e-5, 90.0)


def by_hand(half: float) -> int:
    """The places of the second significant digit of `half`, by its decimal digits."""
    rounded = Decimal(repr(half))
    rounded = rounded.quantize(Decimal(1).scaleb(rounded.adjusted() - 1))
    return min(max(1 - rounded.adjusted(), 0), 6)


@given(st.floats(-1, 1), HALVES)
def test_the_rule_is_two_digits_of_half_the_width(value: float, half: float) -> None:
    low, high = value - half, value + half
    with digits("interval"):
        found = places(low, high)
    seen = (high - low) / 2  # as floats have it
    if str(Decimal(repr(seen)).normalize()).rstrip("0").endswith("5"):
        return  # a tie, which binary numbers round to either side
    assert found == by_hand(seen)
    if 0 < found < 6:
        assert seen / 100 < 10**-found <= seen / 9.9


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.32289, 0.30751, 0.33810, "0.323 [0.308, 0.338]"),
        (0.2983, 0.1570, 0.5780, "0.30 [0.16, 0.58]"),
        (0.65126, 0.64101, 0.65961, "0.6513 [0.6410, 0.6596]"),
        (0.5, 0.4004, 0.5996, "0.50 [0.40, 0.60]"),  # half is .0996, with two digits .10
        (12.0, -18.0, 42.0, "12 [-18, 42]"),
        (-0.00004, -0.012, 0.012, "0.000 [-0.012, 0.012]"),
        (1.0, 1.0, 1.0, "1.000 [1.000, 1.000]"),
        (0.7, None, None, "0.700"),
        (0.7, 0.6, None, "0.700 [0.600, n/a]"),
    ],
)
def test_a_figure_and_its_interval_have_the_same_digits(value, low, high, expected):
    table = Table("t", ["v", "low", "high"], [[value, low, high]])
    with digits("interval"):
        (column,) = laid_out(table)
    assert " ".join(column.cells[0].split()).replace("[ ", "[") == expected


def test_three_digits_are_usual_and_any_number_can_be_asked_for():
    assert number(0.1234567) == number(0.1234567, 0.1, 0.2) == "0.123"
    assert (shown(-0.0), shown(2e-4), shown(-1e-9)) == ("0.000", "2.0e-04", "-1.0e-09")
    with digits(5):
        assert number(0.1234567, 0.1, 0.2) == exact(0.1234567) == "0.12346"
        with digits(0):
            assert number(12.6) == "13"
        assert number(0.5) == "0.50000"
    with digits("interval"):
        assert exact(0.1 + 0.2) == "0.30000000000000004"
    assert number(0.5) == "0.500"
