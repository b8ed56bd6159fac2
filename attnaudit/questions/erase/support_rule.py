"""When the words that the attention highlights are said to carry the answer: the rule of *support*.

The *highlighted* words of a text are the fewest with the largest weights that hold half of the
attention on the words, and a fifth of the words at most. Their weights are set to zero. The answer
must then move, and by more than it does for each of some draws of as many *other* words. The draws
never hold a highlighted word: one that did would share its effect.

A pass proves nothing. What one draw can do, chance can do: where one word is highlighted that is
like the others, it passes with probability 1 / (draws + 1). Where several are highlighted, chance
passes more often. As no draw holds a highlighted word, a random choice that happens to hold the one
word which decides the answer passes, and its probability is the share of the highlighted words. The
same test of random heatmaps measures this, and the share of real ones is read beside it.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Status = Literal["supported", "unsupported", "not_judged"]
Places = NDArray[np.int64]  # of words in a text

# Half of the attention: what a reader takes for the point of a heatmap.
HALF = 0.5
# One word in so many at most: of flat attention half the mass is half the text, and there would be
# no other words to compare with.
ONE_IN = 5
# TVD: an answer that moves by less stays, as for the adversary of a text (Jain & Wallace 2019).
MOVED = 0.01
# Draws of other words: with 19 of them, one word that is like the others passes once in 20 times.
DRAWS = 19
# With fewer different draws, chance passes a word more often than once in six times.
LEAST_DRAWS = 5
# TVD: what rounding may do, so that equal effects are equal in whatever batch they are computed.
ROUNDING = 1e-5


def highlighted(descending: ArrayLike) -> int:
    """How many words are highlighted, from the weights (words,) of one text, the largest first."""
    sums = np.cumsum(np.asarray(descending, np.float64))
    holding = int((sums < (HALF - ROUNDING) * sums[-1]).sum()) + 1
    return min(holding, most_highlighted(len(sums)))


def most_highlighted(words: int) -> int:
    """A fifth of the words, and one at least."""
    return max(1, words // ONE_IN)


def draw_count(words: int, chosen: int) -> int:
    """How many draws of `chosen` other words a text of so many `words` has: `DRAWS` at most."""
    return min(DRAWS, math.comb(words - chosen, chosen))


def most_draws(words: int) -> int:
    """The most draws that a text of so many words has; 0 for one that is not judged."""
    most = max(draw_count(words, chosen) for chosen in range(1, most_highlighted(words) + 1))
    return most if most >= LEAST_DRAWS else 0


def draws_of(others: Places, chosen: int, generator: np.random.Generator) -> list[Places]:
    """Different draws of `chosen` of the words `others` (n,): `DRAWS`, or all where there are less.

    Each holds the places of its words in ascending order.
    """
    wanted = min(DRAWS, math.comb(len(others), chosen))
    found: dict[bytes, Places] = {}
    if chosen == 1:
        return [others[[k]] for k in generator.permutation(len(others))[:wanted]]
    while len(found) < wanted:
        keys = generator.random((wanted - len(found), len(others)))
        for places in np.sort(keys.argsort(axis=1)[:, :chosen], axis=1):
            found.setdefault(places.tobytes(), others[places])
    return list(found.values())


def judged(tvd: float, largest: float) -> Status:
    """What a text is whose answer moves by `tvd`, and for other words by `largest` at most."""
    moved = tvd > MOVED and tvd > largest + ROUNDING
    return "supported" if moved else "unsupported"
