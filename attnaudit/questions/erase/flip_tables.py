"""Items erased until the decision flips, from records: columns and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Cell, Estimate, Table

Array = NDArray[np.float64]

CRITERIA = ("attention", "gradient", "attention_gradient", "random", "optimum")


def flip_columns(fractions: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """One value an instance, NaN where undefined, by the metric that is their mean.

    None of `optimum` where no instance has few enough items.
    """
    columns = {}
    for name in CRITERIA:
        tries = [tries_of(record, name) for record in fractions]
        if not any(tries):
            continue
        columns[f"erase.flip_fraction.{name}"] = np.array(
            [np.mean([1.0 if t is None else t for t in some]) if some else np.nan for some in tries]
        )
        columns[f"erase.never_flips.{name}"] = np.array(
            [np.mean([t is None for t in some]) if some else np.nan for some in tries]
        )
    return columns


def tries_of(record: Mapping[str, Any], name: str) -> list[float | None]:
    """The fractions of one criterion on one instance: of all shuffles, or one, or none."""
    if name not in record:
        return []
    found = record[name]
    return found if isinstance(found, list) else [found]


def flip_table(metrics: Mapping[str, Estimate], columns: Mapping[str, Array], items: int) -> Table:
    """Fractions erased by criterion, as the quartiles of the authors' box plots."""
    rows: list[list[Cell]] = []
    best = columns.get("erase.flip_fraction.optimum")
    short = np.zeros(0, bool) if best is None else ~np.isnan(best)
    for name in CRITERIA:
        if name == "optimum" and best is None:
            continue
        key = f"erase.flip_fraction.{name}"
        mean, values = metrics[key], columns[key]
        whole: list[Cell] = [None] * 7
        if name != "optimum":  # known of short instances only, and comparable with those alone
            quartiles = [float(q) for q in np.nanquantile(values, [0.25, 0.5, 0.75])]
            never = metrics[f"erase.never_flips.{name}"].value
            whole = [mean.value, mean.ci_low, mean.ci_high, *quartiles, never]
        rows.append([name, *whole, float(values[short].mean()) if short.any() else None])
    columns_shown = ["order", "erased", "low", "high", "Q1", "median", "Q3", "never", "short"]
    notes = [
        "erased: the mean share of the items that are erased when the decision first flips. Lower"
        " is better. An item is a vector that the attention averages, one for each word.",
        "Q1, median, Q3: a quarter, half and three quarters of the texts lie below these values."
        " never: the share of texts whose decision never flips. They count as 1.",
        "gradient: the derivative of the decision by the weight. random: the mean of 5 shuffles.",
    ]
    if short.any():
        notes.append(
            f"short: the mean over the {short.sum():,} texts of at most {items} items. For "
            "these the best possible order (optimum) is known."
        )
    else:
        rows, columns_shown = [row[:-1] for row in rows], columns_shown[:-1]
    title = "Items erased until the decision flips"
    return Table(title, columns_shown, rows, notes)
