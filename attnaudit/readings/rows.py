"""Readings of a site where many rows are audited: what they give a token between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.readings.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel


def _needs(model: AttentionModel) -> str | None:
    if model.many_rows:
        return None
    return "it is of a site where many rows are audited, and here it is the one that the head reads"


def _of_weights(alpha: Tensor) -> Tensor:
    by_row = alpha.mean(1)  # (B, Q, T)
    counts = (by_row.amax(2) > 0).sum(1, keepdim=True)  # rows that do not count are 0
    return by_row.sum(1) / counts.clamp_min(1)


COLUMN_MASS = Reading(
    name="column_mass",
    definition="The attention that a token gets from the rows of a layer: the mean over the rows"
    " that count, and over heads.",
    formula="(1/n) sum_q mean_h a_hq(t), over the n rows that count",
    source="common usage where a head pools its rows",
    traps="Rows that the answer does not need count as much as others. Below the last layer the"
    " vectors of all rows are mixed again above.",
    of_weights=_of_weights,
    parts=lambda heads: [1.0] * heads,
    needs=_needs,
    rows=True,
)
