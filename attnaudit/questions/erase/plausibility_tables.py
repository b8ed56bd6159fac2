"""Agreement with human rationales, from records: columns and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.integrals import baselines

Array = NDArray[np.float64]

Plausibility = Mapping[str, Mapping[str, float | None]]


def plausibility_columns(
    records: Sequence[Plausibility | None], names: Sequence[str]
) -> dict[str, Array]:
    """One value an instance by metric, NaN where undefined; none where no instance has any."""
    if not any(records):
        return {}
    return {
        f"plausibility.{figure}.{name}": np.array(
            [np.nan if record is None else record[name].get(figure) for record in records], float
        )
        for name in names
        for figure in AGREEMENTS
    }


def plausibility_table(metrics: Mapping[str, Estimate], names: Sequence[str]) -> Table:
    """Agreement of each ranking with the human rationales."""
    rows: list[list[Cell]] = []
    for name in names:
        first, *others = (metrics[f"plausibility.{figure}.{name}"] for figure in AGREEMENTS)
        interval = [first.value, first.ci_low, first.ci_high]
        rows.append([name, *interval, *(other.value for other in others)])
    notes = [
        "Each ranking gives as many top words as people marked in the text. token F1: how well"
        " these words match the marked words. IoU-F1: how well runs of them match the marked runs"
        " (the overlap must be at least half of the union).",
        "average precision and AUPRC: how well the ranking puts the marked words above all others."
        " AUPRC is computed with straight lines, as ERASER (DeYoung et al. 2020) does.",
        "These figures say whether people would agree with the ranking. They say nothing about "
        "the model's own reasons.",
        *baselines(names),
    ]
    columns = ["ranking", "token F1", "low", "high", "IoU-F1", "average precision", "AUPRC"]
    return Table("Plausibility: agreement with human rationales", columns, rows, notes)
