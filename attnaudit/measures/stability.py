"""How alike several models attend: each pair of them, text by text, beside shuffled attention.

All models are of one recipe and none is special: every pair counts, so that no figure depends on
which of them is audited.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.divergences import LN2, jsd

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS = 2**16  # pairs of words that are looked at together: they fit into the processor's cache
_TINY = 1e-300  # 0 log 0 is 0: far too small to change any sum


@dataclass(frozen=True)
class Compared:
    """How alike P pairs of models attend to n texts of two words and more.

    `jsd` (P, n) is the Jensen-Shannon divergence of the two, in nats, and `shuffled` (P, n) what it
    is on average where the weights of one of them are shuffled among the words of the text. `agree`
    (P, n) is 1 where both give their largest weight to the same word, else 0; `chance` (n,) is how
    often two words that are drawn at random are the same. `used` says which texts these are of all
    that were given. Pairs are in the order of `itertools.combinations`.
    """

    models: int
    jsd: Array
    shuffled: Array
    agree: Array
    chance: Array
    used: NDArray[np.bool_]


def compare(weights: ArrayLike, words: ArrayLike) -> Compared:
    """Compare the attention of every pair of models.

    Args:
        weights: (M, W) the weights of M models on all words, text after text; none is below 0.
            Those of a text are scaled to add up to 1, so that numbers of single precision do.
        words: (n,) the number of words of each text; they add up to W.

    Returns:
        The pairs, on the texts of two words and more. A text to which some model gives no weight
        at all is left out, as is one of a single word, on which no two models can differ.

    Raises:
        ValueError: The shapes do not fit together.
    """
    weights, words = np.asarray(weights), np.asarray(words, np.int64)
    if weights.ndim != 2 or words.ndim != 1 or weights.shape[1] != words.sum():
        raise ValueError(f"weights of shape {weights.shape} are not of {words.sum()} words")
    models, n = len(weights), len(words)
    starts, used = np.cumsum(words) - words, words > 1
    first, second = np.array(list(combinations(range(models), 2)), np.int64).reshape(-1, 2).T
    found = np.empty((2, len(first), n))
    top = np.zeros((models, n), np.int64)
    for length in np.unique(words[used]):
        texts = np.flatnonzero(words == length)
        shown = weights[:, starts[texts, None] + np.arange(length)].astype(np.float64)  # (M, k, L)
        total = shown.sum(-1, keepdims=True)
        used[texts] = (total > 0).all((0, 2))
        shown = np.divide(shown, total, out=np.full(shown.shape, 1 / length), where=total > 0)
        top[:, texts] = shown.argmax(-1)
        for pair, text in _portions(len(first), len(texts), max(1, CELLS // int(length) ** 2)):
            p, q = shown[first[pair], text], shown[second[pair], text]  # (portion, L)
            found[:, pair, texts[text]] = jsd(p, q), shuffled_jsd(p, q)
    agree = (top[first] == top[second])[:, used].astype(np.float64)
    observed, by_chance = found[:, :, used]
    return Compared(models, observed, by_chance, agree, 1 / words[used], used)


def shuffled_jsd(p: ArrayLike, q: ArrayLike) -> Array:
    """The mean JSD of `p` and `q` over all orders of the words of one of them, in closed form.

    Each weight of one meets each of the other equally often, so that it is `1/n sum_ij phi(p_i,
    q_j)`, with `phi(x, y) = 1/2 (x ln x + y ln y - (x + y) ln((x + y) / 2))`, of which the sum over
    the words is the JSD.

    Args:
        p: Distributions, (..., n).
        q: Distributions, (..., n).

    Returns:
        (...), in nats, in [0, ln 2]; 0 where both are uniform. It is at least half of the JSD.
    """
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    n = p.shape[-1]
    total = p[..., :, None] + (q + _TINY)[..., None, :]  # (..., n, n)
    crossed = np.einsum("...ij,...ij->...", total, np.log(total)) / n
    own = (p * np.log(p + _TINY) + q * np.log(q + _TINY)).sum(-1)
    mean: Array = np.clip(LN2 + (own - crossed) / 2, 0.0, LN2)
    return mean


def _portions(pairs: int, texts: int, size: int) -> Iterator[tuple[Ints, Ints]]:
    """Every pair with every text, as their numbers, so many at once as bounded memory allows."""
    for start in range(0, pairs * texts, size):
        yield np.divmod(np.arange(start, min(start + size, pairs * texts)), texts)
