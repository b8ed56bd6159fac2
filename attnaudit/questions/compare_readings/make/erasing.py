"""The top words of each ranking erased, or kept alone, and words erased one after another.

Comprehensiveness and sufficiency are those of `erase` (DeYoung et al. 2020), under any operator: by
how much the predicted class is less probable without the top 1, 5, 10, 20 and 50 % of the words, or
with these alone. Nothing is erased of a text of one word.

A path erases the words of a ranking one by one. It gives the share of words that are gone when the
decision first differs (Serrano & Smith 2019, section 5), None where it never does, and the area
over the perturbation curve: see `extremes`. A text from which words are deleted keeps one word;
otherwise the last word goes, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered
from attnaudit.questions.compare_readings.make.extremes import Sets, all_sets, beams, exact
from attnaudit.questions.compare_readings.make.rankings import Order, Rankings
from attnaudit.questions.compare_readings.names import EXACT_WORDS
from attnaudit.questions.erase.shares import BINS, KINDS, top_size
from attnaudit.questions.erasure import ErasedTexts
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]


class Erasing:
    """Words erased from the texts of a batch by one operator."""

    def __init__(self, model: AttentionModel, known: Answered, operator: str, budget: int) -> None:
        self.model, self.known, self.operator, self.budget = model, known, operator, budget
        self.target = known.probs.argmax(1)
        whole = known.probs.gather(1, self.target.unsqueeze(1)).squeeze(1)
        self.whole: Array = whole.cpu().double().numpy()  # (B,)

    def falls(self, texts: ErasedTexts) -> Array:
        """(V,) by how much the predicted class is less probable than in the whole texts."""
        said = texts.probabilities(self.model, self.known, self.budget, self.target)
        return self.whole[texts.rows] - said if texts.rows else said

    def tops(self, ranked: Sequence[Rankings]) -> list[dict[str, dict[str, list[float | None]]]]:
        """For each text `KINDS` by ranking, with one figure for each of `BINS`."""
        texts = ErasedTexts(self.operator)
        places = [
            {
                kind: {
                    name: [texts.place(b, kept) for kept in _kept(order, kind)]
                    for name, order in one.orders.items()
                }
                for kind in KINDS
            }
            for b, one in enumerate(ranked)
        ]
        falls = self.falls(texts)
        return [
            {
                kind: {name: compact(falls[at]) for name, at in by_name.items()}
                for kind, by_name in by_kind.items()
            }
            for by_kind in places
        ]

    def paths(self, ranked: Sequence[Rankings], longest: int, beam: int) -> list[dict[str, Any]]:
        """For each text what follows when words go one by one: what records hold of `path`."""
        texts = ErasedTexts(self.operator)
        places = [
            {name: [texts.place(b, k) for k in self._steps(o)] for name, o in one.orders.items()}
            for b, one in enumerate(ranked)
        ]
        said, flips = texts.decisions(self.model, self.known, self.budget, self.target)
        falls = self.whole[texts.rows] - said if texts.rows else said
        bounds = self._bounds([len(one.reference) for one in ranked], longest, beam)
        made = []
        for b, by_name in enumerate(places):
            words = len(ranked[b].reference)
            scores = {
                name: float(falls[at[: words - 1]].mean()) if words > 1 else None
                for name, at in by_name.items()
            }
            made.append(
                {
                    "operator": self.operator,
                    "flip_fraction": {n: _first(flips[at], words) for n, at in by_name.items()},
                    "aopc": {n: None if x is None else compact([x])[0] for n, x in scores.items()},
                    **_within(bounds.get(b), scores),
                }
            )
        return made

    def _steps(self, order: Order) -> list[NDArray[np.bool_]]:
        """Which words are kept, (words,), when 1, 2 and more of the order are gone."""
        words = len(order)
        last = words - 1 if self.operator == "delete" else words
        ranks = np.empty(words, np.int64)
        ranks[order] = np.arange(words)
        return [ranks >= gone for gone in range(1, last + 1)]

    def _bounds(
        self, words: Sequence[int], longest: int, beam: int
    ) -> dict[int, tuple[float, float, bool]]:
        """By text of 2 to `longest` words: the least and greatest score, and if they are exact."""
        found: dict[int, tuple[float, float, bool]] = {}
        searched = [b for b, n in enumerate(words) if EXACT_WORDS < n <= longest]
        for b, n in enumerate(words):
            if 2 <= n <= min(EXACT_WORDS, longest):
                (falls,) = self._ask([b], [all_sets(n)])
                found[b] = (*exact(falls, n), True)
        if searched:
            ends = beams([words[b] for b in searched], beam, lambda sets: self._ask(searched, sets))
            found |= {b: (*end, False) for b, end in zip(searched, ends, strict=True)}
        return found

    def _ask(self, rows: Sequence[int], sets: Sequence[Sets]) -> list[Array]:
        """The falls when each set of words is gone."""
        texts = ErasedTexts(self.operator)
        places = [
            np.array([texts.place(b, ~gone) for gone in some], np.int64)
            for b, some in zip(rows, sets, strict=True)
        ]
        falls = self.falls(texts)
        return [falls[at] for at in places]


def _kept(order: Order, kind: str) -> list[NDArray[np.bool_]]:
    """Which words are kept, (words,), for each of `BINS`."""
    words, found = len(order), []
    for share in BINS:
        top, k = np.zeros(words, bool), top_size(share, words)
        top[order[: k if kind == "sufficiency" else min(k, words - 1)]] = True
        found.append(top if kind == "sufficiency" else ~top)
    return found


def _first(flips: NDArray[np.bool_], words: int) -> float | None:
    """The share of words that are gone at the first flip; None where there is none."""
    return compact([(int(flips.argmax()) + 1) / words])[0] if flips.any() else None


def _within(
    bounds: tuple[float, float, bool] | None, scores: Mapping[str, float | None]
) -> dict[str, Any]:
    """The least and the greatest score as records hold them.

    A beam may miss a ranking that is compared: then that one is the end.
    """
    if bounds is None:
        return {"least": None, "greatest": None, "exact": None}
    least, most, exactly = bounds
    defined = [score for score in scores.values() if score is not None]
    ends = compact([min([least, *defined]), max([most, *defined])])
    return {"least": ends[0], "greatest": ends[1], "exact": exactly}
