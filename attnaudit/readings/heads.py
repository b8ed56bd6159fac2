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
    definition="the mean of the heads",
    formula="1/H sum over heads of alpha_ht",
    source="the usual heatmap of a model of several heads",
    traps="Heads that look elsewhere average out; the mean may be the weights of no head.",
    compute=lambda alpha: alpha.mean(1),
    parts=lambda heads: [1.0] * heads,
)
MAX = Reading(
    name="max",
    definition="the largest weight that any head gives a word",
    formula="max over heads of alpha_ht",
    source="used where single heads are thought to carry the evidence",
    traps="With many heads most words are the largest of some head. The maxima add up to more than"
    " 1: they are renormalised, and what lies outside the words is that of the mean.",
    compute=lambda alpha: alpha.amax(1),
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
        f"the weights of head {number} alone",
        f"alpha_ht with h = {number}",
        HEAD.source,
        HEAD.traps,
        compute,
        lambda heads: [float(h == number) for h in range(heads)],
        needs,
    )


HEAD = Family(
    name="head{number}",
    definition="the weights of one head alone, counted from 0: head0, head1, ...",
    formula="alpha_ht with h the number",
    source="the usual way to look at a single head",
    traps="What the other heads read is not seen, and no answer rests on one head alone. Numbers"
    " mean nothing across models: head 3 of another seed is another head.",
    of=_head,
)
