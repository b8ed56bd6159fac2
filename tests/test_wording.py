from __future__ import annotations

import pytest

from attnaudit.wording import decimal, percent, percent_of


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.0134, 3, "0.013"),
        (-0.0134, 3, "-0.013"),
        (-0.00031, 3, "0.000"),
        (-0.0, 2, "0.00"),
        (2, 1, "2.0"),
    ],
)
def test_a_figure_that_rounds_to_0_has_no_sign(value, digits, shown):
    assert decimal(value, digits) == shown


def test_shares_and_levels_are_percentages():
    assert (percent(0.131), percent(0.1314, 1)) == ("13 %", "13.1 %")
    assert (percent_of(0.95), percent_of(0.98375)) == ("95 %", "98.4 %")
