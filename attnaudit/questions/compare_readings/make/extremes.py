"""The least and the greatest score that any ranking of a text's words can have.

The score is the area over the perturbation curve (AOPC): words are erased one after another, and
the falls of the predicted class's probability after 1, 2, ..., n - 1 words are averaged. A ranking
of n words is a path through the sets of erased words, so its score is the mean of what stands at
n - 1 sets. Edin et al. (2025) try all n! orders of short texts. Least and greatest paths
need 2^n sets only, by dynamic programming: exact to 12 words. In longer texts a beam search gives a
least score that may be too large, and a greatest one that may be too small. The step at which all
words are gone is the same for all orders, and left out: it changes nothing in a normalised score.

Sets are numbers here: bit i says that word i is erased. Letters in shape comments: S sets, n words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Sets = NDArray[np.bool_]  # (S, n) which words each set erases


def all_sets(words: int) -> Sets:
    """All sets of so many words but the empty and the whole one, (2^n - 2, n), by their number."""
    numbers = np.arange(1, (1 << words) - 1)
    found: Sets = (numbers[:, None] >> np.arange(words) & 1).astype(bool)
    return found


def exact(falls: Array, words: int) -> tuple[float, float]:
    """The least and the greatest AOPC of n >= 2 words, from the falls at `all_sets`."""
    at = np.zeros(1 << words)
    at[1:-1] = falls
    sizes = np.zeros(1 << words, np.int64)
    bits = 1 << np.arange(words)
    numbers = np.arange(1 << words)
    for bit in bits:
        sizes += (numbers & bit) > 0
    least, most = np.zeros(1 << words), np.zeros(1 << words)
    for size in range(1, words):
        sets = np.flatnonzero(sizes == size)[:, None]  # (S, 1)
        inside = (sets & bits) > 0  # (S, n)
        before = sets & ~bits
        there = sets[:, 0]
        least[there] = at[there] + np.where(inside, least[before], np.inf).min(1)
        most[there] = at[there] + np.where(inside, most[before], -np.inf).max(1)
    last = np.flatnonzero(sizes == words - 1)
    return float(least[last].min()) / (words - 1), float(most[last].max()) / (words - 1)


def beams(
    words: Sequence[int], width: int, ask: Callable[[Sequence[Sets]], Sequence[Array]]
) -> list[tuple[float, float]]:
    """The least and the greatest AOPC that beam searches find, of several texts of n >= 2 words.

    `ask` gives the falls at sets of each text. Each search keeps the `width` best sets of a size,
    each with the best way to it that was found. All texts go on together, so that few calls are
    made.
    """
    found = []
    for sign in (-1.0, 1.0):
        beam = [(np.zeros((1, n), bool), np.zeros(1)) for n in words]
        for size in range(1, max(words)):
            grown = [
                _grown(*one) if size < n else (np.zeros((0, n), bool), np.zeros(0))
                for one, n in zip(beam, words, strict=True)
            ]
            falls = ask([sets for sets, _ in grown])
            for t, (sets, before) in enumerate(grown):
                if len(sets):
                    beam[t] = _best(sets, before + sign * falls[t], width)
        found.append([float(sign * sums.max()) for _, sums in beam])
    return [(least / (n - 1), most / (n - 1)) for least, most, n in zip(*found, words, strict=True)]


def _grown(sets: Sets, sums: Array) -> tuple[Sets, Array]:
    """All sets with one word more, and the sums on the way to each."""
    from_, word = np.nonzero(~sets)
    more = sets[from_].copy()
    more[np.arange(len(word)), word] = True
    return more, sums[from_]


def _best(sets: Sets, sums: Array, width: int) -> tuple[Sets, Array]:
    """The `width` sets of the largest sums, each set once; of equals the first."""
    order = np.argsort(-sums, kind="stable")
    _, first = np.unique(sets[order], axis=0, return_index=True)
    kept = order[np.sort(first)[:width]]
    return sets[kept], sums[kept]
