from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.by_row import ByRow

ROWS = st.integers(-(2**60), 2**60)


@given(st.lists(st.tuples(ROWS, st.floats(allow_nan=False))))
def test_it_is_a_mapping_in_the_order_of_the_rows(pairs: list[tuple[int, float]]) -> None:
    found = ByRow()
    for row, value in pairs:
        found.put(row, value)
    assert list(found.items()) == sorted(dict(pairs).items())
    assert len(found) == len(dict(pairs))
    for row in (0, 1, 2**60 + 1):
        assert (row in found) == (row in dict(pairs))


def test_a_row_without_a_number() -> None:
    with pytest.raises(KeyError):
        ByRow()[3]
