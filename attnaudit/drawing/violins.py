"""Violins: how something is spread over the texts, by largest attention weight and class.

After those of Jain & Wallace (2019) and of Wiegreffe & Pinter (2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from attnaudit.drawing.drawn import (
    ALL,
    MARKERS,
    Array,
    Drawn,
    add_legend,
    class_handle,
    class_name,
    numbers,
    quartiles,
    spoken,
)
from attnaudit.drawing.palette import CLASSES
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes
from attnaudit.measures.bins import NAMES

Cells = Mapping[tuple[int, int], Array]  # (bin of the largest attention weight, class) -> values
_BAND = 0.86  # of the height of a bin, which its violins share
_GRID = 60  # points of a density


def violins(
    cells: Cells,
    title: str,
    axis: str,
    limit: float,
    caption: str,
    labels: Sequence[str],
    name: str,
) -> Drawn:
    """One figure a text, from 0 to `limit`, by its largest attention weight and predicted class.

    `cells` holds the figures of each bin and class that has any. `axis` says what they are.
    """
    cells = _pooled_cells(cells)
    classes = sorted({c for _, c in cells})
    rows = [[NAMES[b], class_name(c, labels), *quartiles(v)] for (b, c), v in cells.items()]
    table = numbers(["largest weight", "predicted", "Q1", "median", "Q3", "n"], rows)
    with drawing():
        figure, axes = new_axes(310)
        if limit < 1:
            axes.axvline(limit, color=COLOURS["muted"], linewidth=0.8, linestyle=":")
        room = _BAND / len(classes)
        for (b, c), values in cells.items():
            k = classes.index(c)
            # The first class above the others, as the legend has them.
            _violin(axes, values, b + ((len(classes) - 1) / 2 - k) * room, room / 2, k)
        bins = range(len(NAMES))
        axes.set(xlim=(-0.02 * limit, 1.03 * limit), ylim=(-0.5, len(bins) - 0.5), xlabel=axis)
        axes.set_yticks(list(bins), NAMES)
        axes.set_ylabel("largest attention weight")
        axes.grid(axis="x", linewidth=0.5)
        axes.set_axisbelow(True)
        marks = [class_handle(k, c, labels, mark=MARKERS[k]) for k, c in enumerate(classes)]
        add_legend(axes, marks)
        svg = inline(figure, name, spoken(title, table, ["median"]))
    shapes = (
        " Each shape shows where the values lie: the thicker, the more texts. The bar covers "
        "the middle half of the texts, and the mark is the median."
    )
    return Drawn(title, svg, caption + shapes, table)


def _violin(axes: Axes, values: Array, centre: float, half: float, k: int) -> None:
    """One violin of at most 2 `half` height; too few values for a shape are shown as dots."""
    colour = COLOURS[CLASSES[k]]
    shape = density(values)
    if shape is None:
        axes.plot(values, np.full(len(values), centre), ".", color=colour, alpha=0.5)
    else:
        grid, height = shape
        axes.fill_between(
            grid,
            centre - 0.95 * half * height,
            centre + 0.95 * half * height,
            facecolor=colour,
            edgecolor=colour,
            alpha=0.35,
            linewidth=0.8,
        )
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.plot([low, high], [centre, centre], color=COLOURS["ink"], linewidth=1.6)
    axes.plot(
        [middle],
        [centre],
        MARKERS[k],
        markersize=6,
        markerfacecolor=colour,
        markeredgecolor=COLOURS["ink"],
        markeredgewidth=0.8,
    )


def density(values: Array) -> tuple[Array, Array] | None:
    """A Gaussian kernel density, cut at the least and the largest value; its peak is 1.

    Bandwidth by Scott's rule. None for fewer than three values or for equal ones, which have no
    shape.
    """
    spread = float(values.std(ddof=1)) if len(values) > 2 else 0.0
    if spread == 0:
        return None
    width = spread * len(values) ** -0.2
    grid = np.linspace(values.min(), values.max(), _GRID)
    height = np.zeros(_GRID)
    for start in range(0, len(values), 4096):
        distance = (grid[:, None] - values[start : start + 4096]) / width  # (grid, values)
        height += np.exp(-0.5 * distance**2).sum(1)
    return grid, height / height.max()


def _pooled_cells(cells: Cells) -> Cells:
    if len({c for _, c in cells}) <= len(CLASSES):
        return cells
    bins = sorted({b for b, _ in cells})
    return {
        (b, ALL): np.concatenate([values for (place, _), values in cells.items() if place == b])
        for b in bins
    }
