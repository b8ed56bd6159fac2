"""Rankings of tokens by a score, where ties are broken at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def descending(scores: ArrayLike, generator: np.random.Generator) -> NDArray[np.int64]:
    """The places (tokens,) of `scores` (tokens,) from the largest to the least, NaN last.

    Equal scores come in an order drawn from `generator`: position never decides, so that a
    constant score gives a random ranking.
    """
    scores = np.asarray(scores, np.float64)
    order: NDArray[np.int64] = np.lexsort((generator.permutation(scores.size), -scores))
    return order
