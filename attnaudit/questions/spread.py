"""How a figure of each text is spread over the texts: what histograms and violins show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.bins import NAMES, bin_of
from attnaudit.measures.summary import Summary

Array = NDArray[np.float64]


def by_class(summary: Summary, metric: str) -> dict[int, Array]:
    """The defined values of `metric` by predicted class; empty where the summary has none."""
    columns = summary.columns
    if columns is None or columns.predicted is None or metric not in columns.values:
        return {}
    return dict(_parts(columns.values[metric], columns.predicted))


def by_weight_and_class(summary: Summary, metric: str) -> dict[tuple[int, int], Array]:
    """The same by the bin of the largest attention weight as well (see `measures.bins`)."""
    columns = summary.columns
    if columns is None or columns.predicted is None or columns.largest is None:
        return {}
    if metric not in columns.values:
        return {}
    values, place = columns.values[metric], bin_of(columns.largest)
    return {
        (k, c): part
        for k in range(len(NAMES))
        for c, part in _parts(values[place == k], columns.predicted[place == k])
    }


def _parts(values: Array, predicted: NDArray[np.int64]) -> Iterator[tuple[int, Array]]:
    for c in np.unique(predicted):
        part = values[(predicted == c) & ~np.isnan(values)]
        if len(part):
            yield int(c), part
