"""Which words of a text people marked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attnaudit.questions.answers import Answered


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
