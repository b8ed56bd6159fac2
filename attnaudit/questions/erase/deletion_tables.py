"""Comprehensiveness and sufficiency, from records: columns and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.erase.shares import BINS, KINDS
from attnaudit.questions.integrals import baselines

Array = NDArray[np.float64]


def deletion_figures(record: Mapping[str, Any], names: Sequence[str]) -> Array:
    """The figures of one record, (kinds, rankings, bins)."""
    return np.array([[record[kind][name] for name in names] for kind in KINDS], float)


def deletion_columns(
    figures: Sequence[Array], names: Sequence[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """One value an instance, (n,) each: by metric, the mean over the bins; and `KIND.NAME.BIN`.

    `figures` holds what `deletion_figures` takes from each record.
    """
    stacked = np.stack(figures, axis=2)  # (kinds, rankings, instances, bins)
    means: dict[str, Array] = {}
    by_bin: dict[str, Array] = {}
    for i, kind in enumerate(KINDS):
        for k, name in enumerate(names):
            means[f"erase.{kind}.{name}"] = stacked[i, k].mean(1)
            by_bin |= {f"{kind}.{name}.{b}": stacked[i, k, :, j] for j, b in enumerate(BINS)}
    return means, by_bin


def deletion_tables(
    metrics: Mapping[str, Estimate],
    by_bin: Mapping[str, Array],
    names: Sequence[str],
    more: Sequence[str] = (),
) -> dict[str, Table]:
    """Averages over the bins, and each bin in detail; notes say `more` of the rankings."""
    rows: list[list[Cell]] = []
    for name in names:
        row: list[Cell] = [name]
        for kind in KINDS:
            mean = metrics[f"erase.{kind}.{name}"]
            row += [mean.value, mean.ci_low, mean.ci_high]
        rows.append(row)
    notes = [
        "Both figures say how much the probability of the predicted class falls, as a mean over"
        " the top 1, 5, 10, 20 and 50 % of the words.",
        "compr. (comprehensiveness): the top words are deleted. Higher is better. suff."
        " (sufficiency): all other words are deleted. Lower is better.",
        "random: deleting words at random. A useful ranking must do better than this floor.",
        "Rankings ignore the sign: some top words may speak against the predicted class.",
        *more,
    ]
    columns = ["ranking", "compr.", "low", "high", "suff.", "low", "high"]
    detail: list[list[Cell]] = [
        [kind, name, *(_mean(by_bin[f"{kind}.{name}.{b}"]) for b in BINS)]
        for kind in KINDS
        for name in names
    ]
    return {
        "erase.deletions": Table("Words deleted, or kept alone", columns, rows, notes),
        "erase.deletions_detail": Table(
            "Words deleted, or kept alone, by share of words",
            ["", "ranking", *(f"{share} %" for share in BINS)],
            detail,
            baselines(names),
            detail=True,
        ),
    }


def _mean(values: Array) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
