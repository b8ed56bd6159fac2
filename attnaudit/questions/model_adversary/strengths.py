"""Which strengths of the model-consistent adversary to try, decided on dev alone.

The strength is lambda, which weighs KL between attentions against TVD between answers. Whether
attention is easy to manipulate is read off where the adversary's TVD passes a bound. A sweep
therefore closes in on the strengths on either side of that bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# The first is twice Wiegreffe & Pinter's .001, whose TVD is half of ours. The last is strong enough
# to move attention that the answers depend on, so that a sweep has adversaries on both sides.
GRID = (0.002, 0.02, 0.1)
ROUNDS = 1  # strengths that a sweep adds to its grid
STRONG = 0.4  # mean JSD that a sweep must reach to be called strong
MARGIN = 0.02  # TVD beyond that of the imitators, where nothing is known of other seeds


class Point(NamedTuple):
    """Mean JSD and mean TVD on dev of the adversaries of one strength."""

    strength: float
    jsd: float
    tvd: float


def next_strength(points: Sequence[Point], bound: float) -> float | None:
    """The strength to try next; None where there is none worth it.

    `points` hold strength 0, the imitators, and at least one more. Between the strongest adversary
    within `bound` that a weaker one does not exceed and the next one, which does, it is the
    geometric mean (half of the next one, where the first is 0). Where all lie within the bound, or
    none reaches a JSD of `STRONG`, it is four times the largest. Where even the imitators exceed
    the bound, no strength lies within.
    """
    points = sorted(points)
    if len(points) < 2 or points[0].tvd > bound:
        return None
    outside = next((k for k, point in enumerate(points) if point.tvd > bound), None)
    if outside is None or max(point.jsd for point in points) < STRONG:
        tried = 4 * points[-1].strength
    else:
        weaker, stronger = points[outside - 1].strength, points[outside].strength
        tried = (weaker * stronger) ** 0.5 if weaker else stronger / 2
    tried = float(f"{tried:.2g}")  # a name that people can read
    return None if any(point.strength == tried for point in points) else tried
