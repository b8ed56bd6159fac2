"""Figures of how something is spread over the instances, by predicted class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from attnaudit.measures.bins import NAMES
from attnaudit.measures.divergences import LN2
from attnaudit.report.html.drawn import (
    ALL,
    LINES,
    MARKERS,
    Drawn,
    add_legend,
    class_handle,
    class_name,
    numbers,
    quartiles,
    spoken,
)
from attnaudit.report.html.palette import CLASSES
from attnaudit.report.html.points import Array, density
from attnaudit.report.html.svg import COLOURS, drawing, inline, new_axes
from attnaudit.report.schema import TableData

Cells = Mapping[tuple[int, int], Array]  # (bin of the largest attention weight, class) -> values
TAU_BINS = np.linspace(-1, 1, 41)
_BAND = 0.86  # of the height of a bin, which its violins share


def tau_histogram(
    taus: Mapping[int, Array], measure: str, labels: Sequence[str], name: str
) -> Drawn:
    """How far attention agrees with an importance measure, by predicted class.

    After the histograms of Jain & Wallace (2019), which hold Kendall's tau of each instance.
    """
    title = f"Agreement of attention with {measure.replace('_', ' ')}"
    taus = _pooled(taus)
    rows = [[class_name(c, labels), *quartiles(values)] for c, values in taus.items()]
    table = numbers(["predicted", "Q1", "median", "Q3", "n"], rows)
    with drawing():
        figure, axes = new_axes(240)
        for k, share in enumerate(tau_shares(taus).values()):
            colour = COLOURS[CLASSES[k]]
            axes.stairs(share, TAU_BINS, fill=True, color=colour, alpha=0.2)
            axes.stairs(share, TAU_BINS, color=colour, linestyle=LINES[k], linewidth=1.6)
        axes.axvline(0, color=COLOURS["muted"], linewidth=0.8)
        axes.set(xlim=(-1, 1), ylim=(0, None), xlabel="Kendall's tau of a text")
        axes.set_xticks([-1, -0.5, 0, 0.5, 1])
        axes.set_ylabel("share of the texts")
        add_legend(axes, [class_handle(k, c, labels, line=LINES[k]) for k, c in enumerate(taus)])
        svg = inline(figure, name, spoken(title, table, ["median"]))
    caption = "At 1 both rank the words alike, at 0 the rankings have nothing in common."
    return Drawn(title, svg, caption, table)


def tau_shares(taus: Mapping[int, Array]) -> dict[int, Array]:
    """The share of each class's taus in each of TAU_BINS."""
    return {c: np.histogram(values, TAU_BINS)[0] / len(values) for c, values in taus.items()}


def tvd_violins(cells: Cells, labels: Sequence[str], name: str) -> Drawn:
    """What shuffling the attention changes in the answers (Jain & Wallace 2019)."""
    return _violins(
        cells,
        "What shuffling the attention changes",
        "median TVD of a text's answer, 0 to 1",
        1.0,
        "Near 0 the answer does not depend on which word has which weight.",
        labels,
        name,
    )


def instance_violins(cells: Cells, labels: Sequence[str], name: str) -> Drawn:
    """How far the adversary of an instance moves its attention (Jain & Wallace 2019)."""
    return _violins(
        cells,
        "How far other weights for the same answer lie",
        "largest JSD found for a text (dotted: ln 2)",
        LN2,
        "What the model's own attention could be replaced by, each text on its own.",
        labels,
        name,
    )


def seed_violins(cells: Cells, labels: Sequence[str], name: str) -> Drawn:
    """How far the attention of other seeds' models lies from the audited one's.

    Wiegreffe & Pinter (2019), figure 3; here, as in their script, the median over seeds.
    """
    return _violins(
        cells,
        "How far the attention of other seeds lies",
        "JSD of a text, median over seeds (dotted: ln 2)",
        LN2,
        "The same recipe trained again: what chance alone moves.",
        labels,
        name,
    )


def _violins(
    cells: Cells,
    title: str,
    axis: str,
    limit: float,
    caption: str,
    labels: Sequence[str],
    name: str,
) -> Drawn:
    cells = _pooled_cells(cells)
    classes = sorted({c for _, c in cells})
    rows = [[NAMES[b], class_name(c, labels), *quartiles(v)] for (b, c), v in cells.items()]
    table = TableData(
        title="The numbers",
        columns=["largest weight", "predicted", "Q1", "median", "Q3", "n"],
        rows=[list(row) for row in rows],
        notes=[],
    )
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
        " Shapes are densities of equal height; the bar is the middle half, the mark the median."
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


def _pooled(values: Mapping[int, Array]) -> Mapping[int, Array]:
    """The values by class, or all together where there are more classes than colours."""
    if len(values) <= len(CLASSES):
        return values
    return {ALL: np.concatenate(list(values.values()))}


def _pooled_cells(cells: Cells) -> Cells:
    if len({c for _, c in cells}) <= len(CLASSES):
        return cells
    bins = sorted({b for b, _ in cells})
    return {
        (b, ALL): np.concatenate([values for (place, _), values in cells.items() if place == b])
        for b in bins
    }
