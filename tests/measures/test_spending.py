from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.sample import Sample
from attnaudit.measures.spending import levels, spent
from attnaudit.measures.two_level import figures, two_level

LOOKS = (5, 8, 12, 20)


def test_nothing_is_spent_at_first_and_all_in_the_end():
    assert spent(0.0) == 0
    assert spent(1.0) == pytest.approx(0.05)
    assert spent(0.5) == pytest.approx(0.05 * math.log((1 + math.e) / 2))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=8, unique=True), st.floats(0.001, 0.5))
def test_the_looks_share_the_error_out(sizes, error):
    found = levels(sorted(sizes), error)
    assert sum(1 - level for level in found) == pytest.approx(error)
    assert all(0 < level < 1 for level in found)


def test_one_look_keeps_the_whole_level():
    assert levels([5]) == pytest.approx((0.95,))


@pytest.mark.parametrize("sizes", [(), (0, 5), (5, 5), (8, 5)])
def test_looks_must_grow(sizes):
    with pytest.raises(ValueError, match="must grow"):
        levels(sizes)


def test_early_looks_are_wrong_no_more_often_than_one_look():
    """Seeds are normal, the truth lies at the line, and whoever looks stops at the first answer."""
    generator, wrong, runs = np.random.default_rng(7), 0, 2000
    texts = np.zeros(50)
    for points in generator.normal(0, 1, (runs, LOOKS[-1])):
        for size, level in zip(LOOKS, levels(LOOKS), strict=True):
            found = two_level(figures(points[:size, None] + texts, Sample(50)), level=level)
            if found.ci_low > 0 or found.ci_high < 0:
                wrong += 1
                break
    assert wrong / runs <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5
    assert wrong / runs > 0.02  # and not because it never answers
