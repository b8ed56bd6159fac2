"""Kendall's tau of a whole data set, against scipy's function on one pair of rankings at a time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from attnaudit.measures.rank import kendall_matrix
from tests.benchmarks.alike import alike, equal
from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side, Target

Array = NDArray[np.float64]
SCIPY = "scipy, pair by pair"
SAMPLE = 100  # texts that scipy works on
MEASURES = 10  # attention and nine importance measures, as `correlate` has them for a BiLSTM


def ours(scores: Array) -> Array:
    """Tau and p of all pairs of measures of all texts: (texts, 2, measures, measures)."""
    return np.array([kendall_matrix(text) for text in scores])


def pair_by_pair(scores: Array) -> Array:
    """The same, from scipy; NaN on the diagonal."""
    texts, measures, _ = scores.shape
    found = np.full((texts, 2, measures, measures), np.nan)
    for n, text in enumerate(scores):
        for i, j in combinations(range(measures), 2):
            said = scipy.stats.kendalltau(text[i], text[j])
            found[n, :, i, j] = found[n, :, j, i] = said.statistic, said.pvalue
    return found


def _agree(mine: Array, theirs: Array) -> None:
    equal(1e-12)(np.where(np.isnan(theirs), np.nan, mine[: len(theirs)]), theirs)


def _case(count: int, tokens: int, measures: int, target: float | None = 10.0) -> Case:
    scores = np.random.default_rng(0).random((count, measures, tokens))
    scores[::2] = scores[::2].round(2)  # every other text has ties
    some = scores[:SAMPLE]
    pairs = measures * (measures - 1) // 2
    targets = () if target is None else (Target(f"ratio: {SCIPY}", target),)
    return Case(
        size={"tokens": tokens, "instances": count, "pairs": pairs},
        unit="text",
        ours=Side(lambda: ours(scores), count),
        rivals={SCIPY: Rival(lambda: pair_by_pair(some), len(some), agree=_agree)},
        targets=targets,
        same=alike(1e-12),
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """Texts of one length, and more and more of them."""
    if toy:
        return {"6 texts of 5 tokens": lambda: _case(6, 5, 3)}
    sizes = [(1000, 16), (1000, 64), (1000, 200), (10_000, 16), (100_000, 16)]

    def build(count: int, tokens: int) -> Build:
        return lambda: _case(count, tokens, MEASURES)

    found = {f"{count} texts of {tokens} tokens": build(count, tokens) for count, tokens in sizes}
    return {**found, "one pair, 1000 texts of 16 tokens": lambda: _case(1000, 16, 2)}


KENDALL = Benchmark(
    "kendall", "Kendall's tau and p of attention and nine importance measures, all pairs", cases
)
