"""Which rankings are told apart: paired differences, corrected for their number.

The first is the one that scores best on these very texts. So it is flattered. What is compared with
it counts as one of the comparisons of every two rankings, so that the choice is paid for. Even so a
ranking that is not told apart from it may be as good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.rank import holm
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Estimate
from attnaudit.measures.t_test import p_value

Array = NDArray[np.float64]
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """How much better a ranking scores than another on the same texts, with its 95 % interval.

    `p` is two-sided, corrected by Holm's method; None where fewer than two texts have both.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None

    @property
    def told_apart(self) -> bool:
        """Whether the two differ by more than chance."""
        return self.p is not None and self.p <= LEVEL


def differences(
    scores: Mapping[str, Array], other: str, sample: Sample, chosen: bool = False
) -> dict[str, Difference]:
    """Of each ranking but `other`: its scores less those of `other`, where more is better.

    `scores` (n,) hold NaN where undefined. Intervals and p-values are those of the paired t-test,
    over groups where there are groups; see `p_value`. The p-values are corrected for as many
    comparisons as there are rankings beside `other`. If `other` was `chosen` by these scores, they
    are corrected for all pairs of rankings: whichever is chosen, its comparisons are among them.
    """
    named = [name for name in scores if name != other]
    pairs = list(combinations(scores, 2)) if chosen else [(name, other) for name in named]
    made = {frozenset(pair): _p_of(scores[pair[0]] - scores[pair[1]], sample) for pair in pairs}
    corrected = dict(zip(made, holm(list(made.values())), strict=True))
    found = {}
    for name in named:
        between = sample.mean(scores[name] - scores[other])
        found[name] = _with_p(between, corrected[frozenset((name, other))])
    return found


def comparisons(rankings: int, chosen: bool) -> int:
    """For how many comparisons `differences` corrects, at most."""
    return rankings * (rankings - 1) // 2 if chosen else rankings - 1


def _with_p(one: Estimate, p: float) -> Difference:
    if one.ci_low is None or not np.isfinite(p):
        return Difference(None, None, None, None)
    return Difference(one.value, one.ci_low, one.ci_high, float(p))


def _p_of(difference: Array, sample: Sample) -> float:
    """The p-value of no difference, from the texts (n,) that have one; NaN for fewer than two."""
    both = np.isfinite(difference)
    part, defined = sample.part(both), difference[both]
    if not both.any() or part.units < 2:
        return np.nan
    return p_value(float(defined.mean()), float(part.covariance(defined[None])[0, 0]), part.units)


def best_first(means: Mapping[str, float | None], lower: bool) -> Sequence[str]:
    """The names by their means, the best first; those without one last."""
    sign = 1 if lower else -1
    return sorted(means, key=lambda n: (means[n] is None, sign * (means[n] or 0.0)))
