"""Instances by the largest weight of their attention, in the bins of Jain & Wallace's figures.

Wiegreffe & Pinter (2019, figure 3) draw the same. Their weights are those of positions, ours of
words.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.summary import Cell, Table

EDGES = (0.0, 0.25, 0.5, 0.75, 1.0)
NAMES = tuple(f"{low:g} to {high:g}" for low, high in pairwise(EDGES))


def bin_of(largest: ArrayLike) -> NDArray[np.int64]:
    """The bin, from 0, of each largest weight: closed below, open above but for the last."""
    place = np.searchsorted(EDGES, largest, side="right") - 1
    clipped: NDArray[np.int64] = np.clip(place, 0, len(NAMES) - 1)
    return clipped


def quartiles_table(
    title: str,
    values: NDArray[np.float64],
    largest: ArrayLike,
    predicted: NDArray[np.int64],
    labels: Sequence[str],
) -> Table:
    """Quartiles of `values` (n,) by predicted class and largest weight, without empty cells.

    Those are the lines that J&W draw into their violins.
    """
    rows: list[list[Cell]] = []
    place = bin_of(largest)
    for c, label in enumerate(labels):
        for k, name in enumerate(NAMES):
            part = values[(predicted == c) & (place == k)]
            if len(part):
                quartiles = [float(q) for q in np.quantile(part, [0.25, 0.5, 0.75])]
                rows.append([label, name, *quartiles, len(part)])
    columns = ["predicted", "largest weight", "Q1", "median", "Q3", "n"]
    notes = [
        "Q1, median, Q3: a quarter, half and three quarters of the texts lie below these values."
    ]
    return Table(title, columns, rows, notes)
