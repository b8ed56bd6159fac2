"""Heatmaps as data: attention over the words of a text, beside what else it might have been.

One scale for all rows of a text: equal ink is equal weight. Importances, which are no
distributions, are shown as shares of their sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVELS = 5  # steps of ink above none
NUMBERED = 3  # words of a row that show their weight in digits


@dataclass(frozen=True)
class Weights:
    """One row of a heatmap: a weight for each word. One below 0 speaks against the answer.

    `probs` is the answer under these weights, where one was given; `jsd` how far they lie from the
    model's attention, in nats. `figures` are what tests say of this row in this text, each with
    what it is called.
    """

    name: str
    weights: Sequence[float]
    probs: Sequence[float] | None = None
    jsd: float | None = None
    figures: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Support:
    """Whether the words that the attention of a text highlights carry its answer.

    `status` is supported, unsupported or not_judged. `words` counts the highlighted words. The
    answer moves by `tvd` when their weights are zero, and by `largest` at most for as many other
    words; None where the text is not judged.
    """

    status: str
    words: int
    tvd: float | None = None
    largest: float | None = None


@dataclass(frozen=True)
class Heatmap:
    """An instance with its words, and rows of weights of which the first is the attention.

    `support` is that of the attention, where it was tested. `missing` says why the text has none of
    some readings.
    """

    id: str
    tokens: Sequence[str]
    gold: int
    predicted: int
    rows: Sequence[Weights]
    support: Support | None = None
    missing: Sequence[str] = ()

    def levels(self, row: Weights) -> list[int]:
        """The ink of each word of `row`, from 0 to LEVELS, in proportion to the weight's size."""
        largest = max((abs(w) for r in self.rows for w in r.weights), default=0.0)
        if largest == 0:
            return [0] * len(row.weights)
        return [math.floor(LEVELS * abs(w) / largest + 0.5) for w in row.weights]

    def moves(self, row: Weights) -> list[int]:
        """Of each word whether `row` gives it more weight than the attention: 1, 0 or -1.

        A difference counts from one step of ink on; 0 throughout for the attention itself, and
        where the text has none that is shown.
        """
        if row is self.rows[0] or not any(self.rows[0].weights):
            return [0] * len(row.weights)
        ours, theirs = self._signed(row), self._signed(self.rows[0])
        return [(a > b) - (a < b) for a, b in zip(ours, theirs, strict=True)]

    def _signed(self, row: Weights) -> list[int]:
        levels = self.levels(row)
        return [-k if w < 0 else k for k, w in zip(levels, row.weights, strict=True)]

    def numbered(self, row: Weights) -> set[int]:
        """The words of `row` that show their weight in digits: the heaviest that show ink."""
        levels = self.levels(row)
        order = sorted(range(len(levels)), key=lambda i: (-abs(row.weights[i]), i))
        return {i for i in order[:NUMBERED] if levels[i]}

    def change(self, row: Weights) -> float | None:
        """How much more probable the predicted class is under `row` than in the model's answer."""
        first = self.rows[0].probs
        if row is self.rows[0] or row.probs is None or first is None:
            return None
        return row.probs[self.predicted] - first[self.predicted]


@dataclass(frozen=True)
class Gallery:
    """The chosen heatmaps, out of `of` instances that could be shown; `rule` says how chosen.

    `labels` name the classes. Of all texts, whether or not they can be shown, `judged` counts those
    that were tested for support, and `unsupported` those that failed.
    """

    heatmaps: Sequence[Heatmap]
    of: int
    rule: str
    labels: Sequence[str]
    judged: int = 0
    unsupported: int = 0
