"""Do rankings of words agree with what people marked? Plausibility, not faithfulness.

An explanation may convince people and not be the model's reason, or be its reason and convince
nobody (Jacovi & Goldberg 2020): these figures are never evidence of the other kind.

A word is marked if one of its tokens is. The chosen words of a ranking are as many as are marked in
that text, ties broken at random; token F1 is then precision and recall in one. (DeYoung et al. 2020
choose as many as the data set's mean rationale has. Here no record depends on the other instances,
and no ranking is blamed for the length of a rationale.) Average precision and
the trapezoidal AUPRC take the scores themselves.
Instances without a rationale, or with an empty one, are undefined.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.measures.rationales import agreement
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
Order = NDArray[np.int64]  # the words of one instance, the most important first


def agreement_with_people(
    scores: Mapping[str, Array], orders: Mapping[str, Order], rationale: NDArray[np.bool_]
) -> dict[str, dict[str, float | None]]:
    """`AGREEMENTS` of each ranking of one instance; scores and orders are (words,).

    All are None of a ranking that has no order: its scores are undefined.
    """
    found: dict[str, dict[str, float | None]] = {}
    for name in scores:
        if name not in orders:
            found[name] = dict.fromkeys(AGREEMENTS)
            continue
        order = orders[name]
        chosen = np.zeros(len(order), bool)
        chosen[order[: rationale.sum()]] = True
        figures = agreement(chosen, scores[name], rationale)
        found[name] = dict(zip(figures, compact([*figures.values()]), strict=True))
    return found
