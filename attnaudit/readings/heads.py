"""Readings of several heads: their mean, their maximum, or one of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attnaudit.errors import InputError
from attnaudit.readings.reading import Family, Reading

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel

MEAN = Reading(
    name="mean",
    definition="The mean of the weights of all heads.",
    formula="mean_h a_h",
    source="common usage",
    traps="Heads that attend to different words may cancel each other out.",
    of_weights=lambda alpha: alpha.mean(1),
    parts=lambda heads: [1.0] * heads,
)
MAX = Reading(
    name="max",
    definition="The largest weight that any head gives to a word.",
    formula="max_h a_h, renormalised",
    source="common usage",
    traps="One idle head may decide the result. The maxima add up to more than 1, so the share "
    "outside the words is taken from the mean.",
    of_weights=lambda alpha: alpha.amax(1),
)


def _head(name: str) -> Reading | None:
    """The reading `head3`; None for another name."""
    found = re.fullmatch(r"head(0|[1-9][0-9]{0,3})", name)
    if found is None:
        return None
    number = int(found[1])

    def lacks(heads: int) -> str | None:
        if number < heads:
            return None
        there = "one head, 0" if heads == 1 else f"heads 0 to {heads - 1}"
        return f"the audited attention has no head {number}; it has {there}"

    def needs(model: AttentionModel) -> str | None:
        return None if model.head_count is None else lacks(model.head_count)

    def compute(alpha: Tensor) -> Tensor:
        if reason := lacks(alpha.shape[1]):
            raise InputError(reason)
        return alpha[:, number]

    return Reading(
        name,
        f"The weights of head {number} only.",
        f"a_{number}",
        HEAD.source,
        HEAD.traps,
        compute,
        lambda heads: [float(h == number) for h in range(heads)],
        needs,
    )


HEAD = Family(
    name="head{number}",
    definition="The weights of one head only, by its number, counted from 0.",
    formula="a_h",
    source="common usage",
    traps="The answer may not depend on this head. Across seeds the number means little: head 3 "
    "of another model is a different head.",
    of=_head,
)
