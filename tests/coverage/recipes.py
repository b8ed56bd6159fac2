"""Recipes of which it is known how alike their models attend: what the finding *stable* meets.

A model of a recipe gives each word of a text a score, and its attention is the softmax of them.
What all models share, and how seeds differ, is drawn at random. `spread` says how far they differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.divergences import jsd
from attnaudit.measures.stability import shuffled_jsd

Array = NDArray[np.float64]
Size = tuple[int, int, int]  # samples, models, texts
WORDS = 8  # in each text
PEAK = 2.0  # standard deviation of the scores that models share


@dataclass(frozen=True)
class Recipe:
    """`draw(generator, size, spread)` gives the scores (samples, models, texts, WORDS).

    `spreads` are those at which true s, and true kappa, lie at their lines. `normal` says that
    seeds differ by normal amounts, for which the interval was made.
    """

    name: str
    draw: Callable[[np.random.Generator, Size, float], Array]
    spreads: tuple[float, float]
    normal: bool = False

    def attention(self, generator: np.random.Generator, size: Size, spread: float) -> Array:
        """(samples, models, texts, WORDS), each text of it a distribution."""
        scores = self.draw(generator, size, spread)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        found: Array = weights / weights.sum(-1, keepdims=True)
        return found


def _shared(generator: np.random.Generator, size: Size, peak: float = PEAK) -> Array:
    return peak * generator.normal(size=(size[0], 1, size[2], WORDS))


def _own(generator: np.random.Generator, size: Size) -> Array:
    return generator.normal(size=(*size, WORDS))


def _leaning(features: int, spreads: tuple[float, float]) -> Recipe:
    """Seeds lean to so many features of words, each by a normal amount."""

    def draw(generator: np.random.Generator, size: Size, spread: float) -> Array:
        samples, models, texts = size
        lean = generator.normal(size=(samples, models, features))
        words = generator.normal(size=(samples, features, texts * WORDS)) / features**0.5
        leaning = (lean @ words).reshape(*size, WORDS)
        return _shared(generator, size) + spread * leaning + 0.3 * _own(generator, size)

    word = "feature" if features == 1 else "features"
    return Recipe(f"normal seeds: lean to {features} {word}", draw, spreads, normal=True)


def _noisy(generator: np.random.Generator, size: Size, spread: float) -> Array:
    amount = np.exp(0.5 * generator.normal(size=(*size[:2], 1, 1)))
    return _shared(generator, size) + spread * amount * _own(generator, size)


def _two_kinds(share: float) -> Callable[[np.random.Generator, Size, float], Array]:
    """A `share` of seeds attends to another place than the others."""

    def draw(generator: np.random.Generator, size: Size, spread: float) -> Array:
        one, other = (_shared(generator, size, 3.0) for _ in range(2))
        which = generator.random((*size[:2], 1, 1)) < share
        return np.where(which, other, one) + spread * _own(generator, size)

    return draw


def _coin_per_text(generator: np.random.Generator, size: Size, spread: float) -> Array:
    one, other = (_shared(generator, size, 3.0) for _ in range(2))
    which = generator.random((*size, 1)) < 0.5
    return np.where(which, other, one) + spread * _own(generator, size)


# Of these the interval is judged where the truth lies at the line.
AT_THE_LINE = (
    _leaning(1, (1.309, 1.374)),
    _leaning(3, (1.141, 1.040)),
    _leaning(10, (1.081, 0.937)),
    Recipe("normal seeds: more or less noise", _noisy, (0.944, 0.868), normal=True),
    Recipe("two kinds of seeds, 80 : 20", _two_kinds(0.2), (0.05, 0.66)),
    Recipe("one seed in ten is of another kind", _two_kinds(0.1), (0.985, 1.035)),
)
# Of these the finding is looked at: at which spread, and with how many models.
LOOKED_AT = (
    (_leaning(3, (0.4, 0.4)), (6, 10)),
    (Recipe("a coin per text between two places", _coin_per_text, (0.3, 0.3)), (6, 10)),
    (Recipe("a coin per seed between two places", _two_kinds(0.5), (0.3, 0.3)), (6, 10, 16, 21)),
)


@cache
def truth(recipe: Recipe, spread: float, pairs: int = 40_000) -> tuple[float, float]:
    """True s and kappa, from so many independent pairs of models on five texts each."""
    generator, sums = np.random.default_rng(7), np.zeros(3)
    for _ in range(pairs // 1000):
        one, other = recipe.attention(generator, (1000, 2, 5), spread).swapaxes(0, 1)
        differ = one.argmax(-1) != other.argmax(-1)
        sums += [jsd(one, other).sum(), shuffled_jsd(one, other).sum(), differ.sum()]
    return 1 - sums[0] / sums[1], 1 - sums[2] / (pairs * 5) / (1 - 1 / WORDS)
