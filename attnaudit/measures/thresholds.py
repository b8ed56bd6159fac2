"""Scores of words become a rationale: the words that are kept, as many as are asked for.

These are the extractors of FRESH (Jain et al. 2020, section 4), with the ties
of the authors' code. `scores` is (words,), none of them NaN; masks are (words,) bool, true on the
words that are kept.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Form = Literal["top", "contiguous"]
Mask = NDArray[np.bool_]
ROUNDING = 1e-9  # of a share times a length, and of the sums of windows


def length_of(words: int, share: float, number: int | None = None) -> int:
    """How many of so many words are kept: ceil(share * words), or the `number` where it is given.

    At least 1, and at most all of them. A share that makes a whole number is not rounded up
    because of how computers store it: .07 of 100 words are 7.
    """
    wanted = math.ceil(share * words - ROUNDING) if number is None else number
    return min(max(wanted, 1), words)


def kept_words(scores: ArrayLike, count: int, form: Form) -> Mask:
    """The `count` words that a form keeps: see `top_words` and `best_window`."""
    return top_words(scores, count) if form == "top" else best_window(scores, count)


def top_words(scores: ArrayLike, count: int) -> Mask:
    """The `count` words of the largest scores; of equal scores the later words, as in FRESH."""
    scores = np.asarray(scores, np.float64)
    kept = np.zeros(len(scores), bool)
    kept[np.argsort(scores, kind="stable")[len(scores) - count :]] = True
    return kept


def best_window(scores: ArrayLike, count: int) -> Mask:
    """The `count` neighbouring words of the largest sum; of equal sums the first, as in FRESH."""
    scores = np.asarray(scores, np.float64)
    sums = np.lib.stride_tricks.sliding_window_view(scores, count).sum(1)  # (words - count + 1,)
    near = sums >= sums.max() - ROUNDING * np.abs(scores).max()
    return _window(len(scores), count, int(near.argmax()))


def random_words(words: int, count: int, form: Form, generator: np.random.Generator) -> Mask:
    """`count` of so many words, drawn at random: every set, or every window, is as likely."""
    if form == "contiguous":
        return _window(words, count, int(generator.integers(words - count + 1)))
    kept = np.zeros(words, bool)
    kept[generator.choice(words, count, replace=False)] = True
    return kept


def _window(words: int, count: int, start: int) -> Mask:
    places = np.arange(words)
    return (places >= start) & (places < start + count)
