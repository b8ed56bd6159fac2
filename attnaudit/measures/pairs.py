"""Intervals for figures of all pairs of models of one recipe, on the same texts.

The figure is what the pairs differ by, as a share of what chance would make of it:

    v = sum over pairs and texts of observed / sum over pairs and texts of chance

It would have come out otherwise with other models, and on other texts. A pair is no independent
draw, because each model is in many pairs, so that whole models are left out or drawn again:

* The delete-one-model jackknife, with Student's t (Arvesen 1969, Annals of Mathematical Statistics
  40: the jackknife of U-statistics).
* The bootstrap over models, without the pairs of a model with itself (percentiles of 2,000 draws).

Of six models neither says enough, so that their union counts, and `BELOW` or `ABOVE` times its
width on either side. Both are taken of the cube root of v, of which the distribution is nearly
symmetric where v is a sum of squares (Wilson & Hilferty 1931, Proceedings of the National Academy
of Sciences 17). The two factors were chosen by simulation, so that at 6 and at 10 models whose
seeds are normal the interval lies wholly above the truth in at most 2.5 % of all cases, and wholly
below it in at most 2.5 %. Seeds of two kinds, or rare kinds of seeds, keep no such promise.

What the texts add is that part of their variance which all models share (see `two_level`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit  # type: ignore[import-untyped]

from attnaudit.measures.limits import CONSTANT, LEVEL, Bounds, Ends, constant_ends
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import Figures, figures, margin, variance_parts

Array = NDArray[np.float64]

DRAWS = 2000
BELOW, ABOVE = 1.25, 1.6  # how much wider the interval is than the union, on either side of v
LEAST_MODELS = 3  # two make one pair, which does not tell how pairs differ


@dataclass(frozen=True)
class OfPairs:
    """A figure of all pairs: its estimate, and the share of it that each model makes on each text.

    `parts` are pseudo-values of the models, whose mean is the figure: `two_level.variance_parts`
    says how its variance splits between models and texts. None where there is no interval.
    """

    estimate: Estimate
    parts: Figures | None

    def turned(self, bounds: Bounds) -> OfPairs:
        """The same of 1 - v, inside `bounds`."""
        found, parts = self.estimate, self.parts
        value, high, low = (
            None if end is None else _cut(1 - end, bounds)
            for end in (found.value, found.ci_low, found.ci_high)
        )
        if parts is not None:
            parts = replace(parts, points=1 - parts.points)
        return OfPairs(replace(found, value=value, ci_low=low, ci_high=high), parts)


def of_pairs(
    observed: Array,
    chance: ArrayLike,
    models: int,
    sample: Sample,
    bounds: Bounds,
    seed: int = 0,
    level: float = LEVEL,
) -> OfPairs:
    """The sum of `observed` over that of `chance`, with its interval over models and texts.

    Args:
        observed: (P, n), 0 and more: what each of P pairs of models differs by on each text. Pairs
            are in the order of `itertools.combinations`.
        chance: What `observed` would be by chance, above 0 on the whole; it broadcasts to (P, n).
        models: M, of which P are the pairs.
        sample: The n texts, with their groups.
        bounds: The range of the figure, which begins at 0.
        seed: Of the bootstrap.
        level: How often the interval holds the truth; 95 % unless an analysis is repeated.

    Returns:
        The figure. It has no interval where fewer than three models or two texts (or groups) are
        given. The order of the models does not matter.

    Raises:
        ValueError: The shapes do not fit together.
    """
    if observed.shape != (models * (models - 1) // 2, sample.n) or not observed.size:
        raise ValueError(f"{models} models on {sample.n} texts give no {observed.shape} figures")
    chance = np.broadcast_to(chance, observed.shape)
    value = _cut(float(observed.sum() / chance.sum()), bounds)
    if models < LEAST_MODELS:
        reason = "no interval: two models do not show how much pairs of models differ"
        return OfPairs(Estimate(value, n=sample.n, reason=reason), None)
    if sample.units < 2:
        what = "text" if sample.unit is None else "group"
        reason = f"no interval: only one {what} gave a value"
        return OfPairs(Estimate(value, n=sample.n, reason=reason), None)
    tail = (1 - level) / 2
    parts = figures(value + _pseudo_values(observed, chance, value, models), sample)
    low, high = _ends(value, _model_ends(observed, chance, models, seed, tail), parts, tail)
    if high - low <= CONSTANT:  # nothing varies, and all is certain but for what was not seen
        least, most = constant_ends(value, sample.units, bounds)
        low, high = min(low, least), max(high, most)
    low, high = _cut(low, bounds), _cut(high, bounds)
    return OfPairs(Estimate(value, low, high, sample.n), parts)


def _ends(value: float, of_models: Ends, parts: Figures, tail: float) -> Ends:
    """The ends over both models and texts, from those over models alone."""
    of_texts = variance_parts(parts)
    below, above = (
        float(margin(side, of_texts, parts.units, tail))
        for side in (value - of_models[0], of_models[1] - value)
    )
    return value - below, value + above


def _model_ends(observed: Array, chance: Array, models: int, seed: int, tail: float) -> Ends:
    """The ends over models alone: the widened union of jackknife and bootstrap."""
    above, below = _matrix(observed.mean(1), models), _matrix(chance.mean(1), models)
    # In an order of their own, so that the draws are the same in whatever order they are given.
    order = np.argsort(above.sum(1), kind="stable")
    above, below = above[np.ix_(order, order)], below[np.ix_(order, order)]
    root = float(_root(above.sum(), below.sum()))
    left = _root(above.sum() - 2 * above.sum(1), below.sum() - 2 * below.sum(1))
    error = ((models - 1) / models * ((left - left.mean()) ** 2).sum()) ** 0.5
    half = float(stdtrit(models - 1, 1 - tail) * error)
    counts = _counts(models, seed)
    drawn = _root(((counts @ above) * counts).sum(1), ((counts @ below) * counts).sum(1))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    least = root - BELOW * max(half, root - float(low))
    most = root + ABOVE * max(half, float(high) - root)
    return max(least, 0.0) ** 3, most**3


@lru_cache(maxsize=8)
def _counts(models: int, seed: int) -> Array:
    """How often each resample holds each model, (draws, M); those of one model make no pair."""
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(models, np.full(models, 1 / models), DRAWS).astype(np.float64)
    found: Array = counts[(counts > 0).sum(1) > 1]
    return found


def _root(observed: ArrayLike, chance: ArrayLike) -> Array:
    """The cube root of the figure; 0 where chance makes nothing, so that nothing can differ."""
    observed, chance = np.maximum(observed, 0.0), np.asarray(chance, np.float64)
    ratio = np.divide(observed, chance, out=np.zeros(chance.shape), where=chance > 1e-12)
    root: Array = np.cbrt(ratio)
    return root


def _pseudo_values(observed: Array, chance: Array, value: float, models: int) -> Array:
    """(M, n) what each model adds to the figure on each text; the mean over all is 0.

    Those of the jackknife, of the ratio in its linear form.
    """
    added = (observed - value * chance) / chance.mean()  # (P, n)
    sums, own = added.sum(0), np.zeros((models, added.shape[1]))
    for pair, (one, other) in enumerate(combinations(range(models), 2)):
        own[one] += added[pair]
        own[other] += added[pair]
    found: Array = 2 * sums / (models - 1) - 2 * (sums - own) / (models - 2)
    return found


def _matrix(pairs: Array, models: int) -> Array:
    """(M, M), symmetric and 0 on the diagonal, from one figure a pair."""
    found = np.zeros((models, models))
    found[np.triu_indices(models, 1)] = pairs
    return found + found.T


def _cut(value: float, bounds: Bounds) -> float:
    low, high = bounds
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)
