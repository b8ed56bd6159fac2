"""How much error each look at growing data may spend, so that all looks together keep their level.

Who looks at 5, 8, 12 and 20 seeds and stops as soon as an interval decides has four chances to be
wrong. The error that is allowed in all, .05, is therefore shared out over the looks by a spending
function (Lan & DeMets 1983, Biometrika 70): by the share t of all seeds that have been seen,
alpha ln(1 + (e - 1) t) of it may be spent. That function allows early answers about as much as
late ones, like the boundary of Pocock 1977 (Biometrika 64). Each look takes what is new at it, and
the sum over all looks bounds the error whatever the figures and however they depend on each other
(Bonferroni). This is simpler, and somewhat stricter, than boundaries from a joint distribution,
which small numbers of seeds do not follow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from attnaudit.measures.limits import LEVEL


def spent(share: float, error: float = 1 - LEVEL) -> float:
    """The error that may be spent when a `share` of all data, in [0, 1], has been seen."""
    return error * math.log1p((math.e - 1) * share)


def levels(sizes: Sequence[int], error: float = 1 - LEVEL) -> tuple[float, ...]:
    """The level of the interval at each look, in (0, 1), for looks at these growing sizes.

    Raises ValueError for sizes that do not grow from 1 on.
    """
    if not sizes or sizes[0] < 1 or any(b <= a for a, b in itertools.pairwise(sizes)):
        raise ValueError(f"sizes must grow, and {list(sizes)} do not")
    ends = [0.0, *(spent(size / sizes[-1], error) for size in sizes)]
    return tuple(1 - (after - before) for before, after in itertools.pairwise(ends))
