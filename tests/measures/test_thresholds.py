"""Which words of a text become its rationale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.measures.thresholds import (
    best_window,
    kept_words,
    length_of,
    random_words,
    top_words,
)

SCORES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30)


def places(mask):
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("words", "share", "number", "found"),
    [
        (10, 0.2, None, 2),
        (11, 0.2, None, 3),  # rounded up
        (1, 0.2, None, 1),
        (3, 0.01, None, 1),  # never none
        (100, 0.07, None, 7),  # .07 * 100 is 7.000000000000001
        (10, 0.3, None, 3),
        (7, 1.0, None, 7),
        (7, 0.2, 3, 3),  # the number counts
        (2, 0.2, 3, 2),  # of a shorter text all
    ],
)
def test_how_many_words(words, share, number, found):
    assert length_of(words, share, number) == found


@pytest.mark.parametrize(
    ("scores", "count", "top", "window"),
    [
        ([0.1, 0.9, 0.2, 0.8], 2, [1, 3], [1, 2]),
        ([0.5, 0.5, 0.5], 1, [2], [0]),  # of equals the later word, and the first window
        ([0.0, 0.0, 0.0, 0.0], 2, [2, 3], [0, 1]),
        ([0.3, 0.1, 0.3, 0.1, 0.3], 2, [2, 4], [0, 1]),
        ([0.1, 0.2, 0.3], 3, [0, 1, 2], [0, 1, 2]),
        # .1 + .2 + .3 and .3 + .2 + .1 differ in the last bit: they are equal sums.
        ([0.3, 0.2, 0.1, 0.0, 0.1, 0.2, 0.3], 3, [0, 5, 6], [0, 1, 2]),
        ([0.1, 0.2, 0.3, 0.0, 0.3, 0.2, 0.1], 3, [2, 4, 5], [0, 1, 2]),
    ],
)
def test_which_words(scores, count, top, window):
    assert places(top_words(scores, count)) == top
    assert places(best_window(scores, count)) == window
    assert places(kept_words(scores, count, "top")) == top
    assert places(kept_words(scores, count, "contiguous")) == window


@given(SCORES, st.data())
def test_what_is_kept_is_worth_most(scores, data):
    count = data.draw(st.integers(1, len(scores)))
    top, window = top_words(scores, count), best_window(scores, count)
    assert top.sum() == window.sum() == count
    row = np.array(scores)
    assert row[top].min() >= row[~top].max(initial=0)
    assert len(np.flatnonzero(np.diff(window, prepend=False, append=False))) == 2  # one run
    sums = [row[i : i + count].sum() for i in range(len(row) - count + 1)]
    assert row[window].sum() == pytest.approx(max(sums))


@pytest.mark.parametrize("form", ["top", "contiguous"])
def test_random_words_are_as_many_and_every_choice_is_as_likely(form):
    drawn = [random_words(4, 2, form, np.random.default_rng(seed)) for seed in range(1200)]
    assert {int(mask.sum()) for mask in drawn} == {2}
    seen = [tuple(places(mask)) for mask in drawn]
    kinds = {(0, 1), (1, 2), (2, 3)} | ({(0, 2), (0, 3), (1, 3)} if form == "top" else set())
    assert set(seen) == kinds
    shares = [seen.count(kind) / len(seen) for kind in kinds]
    assert shares == pytest.approx([1 / len(kinds)] * len(kinds), abs=0.05)
