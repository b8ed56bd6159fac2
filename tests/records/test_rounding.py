"""Numbers of records: all rows at once are the numbers that one by one would be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnaudit.records.rounding import compact, compact_rows

NUMBERS = st.floats(width=32) | st.floats() | st.integers(-(10**12), 10**12).map(float)
HARD = [
    [0.0, -0.0, 1.0, -1.0, 0.1, 1000.0, 1e8, 1e9, 999999999.5, 1e22, 1e23, 1e-14, 1e-15],
    [0.9999999995, 0.99999999949, 1.0000000005, 123456789.5, 0.1234567885, 2.0**-149, 2.0**127],
    [math.inf, -math.inf, math.nan],
]


@given(st.lists(NUMBERS, min_size=1, max_size=30))
@example(HARD[0])
@example(HARD[1])
@example(HARD[2])
def test_rows_hold_what_nine_digits_read_back(numbers: list[float]) -> None:
    (row,) = compact_rows(np.array([numbers]), [len(numbers)])
    expected = [None if math.isnan(x) else float(f"{x:.9g}") for x in numbers]
    assert [repr(x) for x in row] == [repr(x) for x in expected]  # signs of zeros, too
    assert [repr(x) for x in compact(numbers)] == [repr(x) for x in expected]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_many_random_numbers_of_every_size(kind: Any) -> None:
    chance = np.random.default_rng(0)
    values = (chance.normal(size=(200, 100)) * 10.0 ** chance.integers(-16, 10, (200, 100))).astype(
        kind
    )
    counts = chance.integers(0, 101, 200).tolist()
    expected = [compact(row[:n]) for row, n in zip(values, counts, strict=True)]
    assert compact_rows(values, counts) == expected


def test_ties_go_to_the_even_digit_as_in_text() -> None:
    ties = np.array([[123456788.5, 123456789.5, 0.25 + 2.0**-30]])
    assert compact_rows(ties, [3]) == [compact(ties[0])]
    assert compact_rows(ties, [2])[0] == [123456788.0, 123456790.0]
