"""How much of an answer passes through the audited attention, from records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Cell, Estimate, Table

Array = NDArray[np.float64]

UNMOVED_TVD = 0.05  # controls that move answers by less show that attention could not (as permute)


def reliance_columns(records: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """One value an instance by the metric of `erase` that is their mean.

    `records` hold `all_erased` and `residual_ratio`, as records do; figures that none holds have no
    column.
    """
    columns = {
        "erase.all.tvd.mean": [(r.get("all_erased") or {}).get("tvd") for r in records],
        "erase.all.flips": [(r.get("all_erased") or {}).get("flips") for r in records],
        "erase.residual_ratio.mean": [r.get("residual_ratio") for r in records],
    }
    return {
        name: np.array(values, float)
        for name, values in columns.items()
        if any(value is not None for value in values)
    }


def reliance_tables(metrics: Mapping[str, Estimate]) -> dict[str, Table]:
    """The controls at a glance; none where there are no figures."""
    rows: list[list[Cell]] = []
    for name, shown in _SHOWN.items():
        figure = metrics.get(name)
        if figure is not None:
            rows.append([shown, figure.value, figure.ci_low, figure.ci_high, figure.n])
    if not rows:
        return {}
    notes = [
        "This is a control, not a test: all attention weights on words are set to 0, and the rest"
        " stays as it was.",
        "If the answers hardly move, they go around this attention. Then other weights cannot show"
        " much, either.",
    ]
    title = "All weights on words set to 0: does the answer pass through this attention?"
    return {"erase.all": Table(title, ["", "value", "low", "high", "n"], rows, notes)}


_SHOWN = {
    "erase.all.tvd.mean": "mean TVD",
    "erase.all.flips": "share of decisions that flip",
    "erase.residual_ratio.mean": "attention output / residual",
}


def reliance_notes(tvd: Estimate | None) -> list[str]:
    """A remark where the answers barely move with all content erased."""
    if tvd is None or tvd.value is None or tvd.value >= UNMOVED_TVD:
        return []
    return [
        "The answers barely move even when all attention weights on the words are 0 (mean TVD "
        f"{tvd.value:.3f}). They hardly pass through this attention, so its weights cannot be "
        "tested here."
    ]
