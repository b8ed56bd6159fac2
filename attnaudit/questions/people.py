"""Which words of a text people marked, and how much of the attention is on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attnaudit.questions.answers import Answered
from attnaudit.records.rounding import compact


def rationale_of(known: Answered, b: int) -> NDArray[np.bool_] | None:
    """Which words of instance `b` people marked, (words,); None where they marked none in reach."""
    flags = known.instances[b].rationale
    if flags is None or not any(flags):
        return None
    words = known.batch.words[b]
    marked = np.zeros(int(known.batch.word_counts[b]), bool)
    flagged = np.array(flags, bool)[known.reached(b).cpu().numpy()]
    marked[words[known.batch.content[b]].cpu().numpy()[flagged]] = True
    return marked if marked.any() else None


def on_marked(known: Answered, b: int, rationale: NDArray[np.bool_]) -> dict[str, float | None]:
    """How much of the shown attention of instance `b`, and of its words, is on the marked words.

    `rationale` (words,) is true at these. The attention must be defined for the text.
    """
    weights = known.weights[b, : len(rationale)].astype(np.float64)
    shares = compact([min(1.0, float(weights[rationale].sum())), float(rationale.mean())])
    return dict(zip(("attention", "words"), shares, strict=True))
