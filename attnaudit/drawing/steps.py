"""Shares that grow from 0 to 1 along an axis from 0 to 1, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn, add_legend, numbers, spoken, strokes
from attnaudit.drawing.svg import drawing, inline, new_axes
from attnaudit.measures.summary import Cell

_COLOURS = ("c0", "muted", "c1", "c2", "c3")


def steps(
    grid: Sequence[float],
    shares: Mapping[str, Sequence[float]],
    title: str,
    axes_named: tuple[str, str],
    caption: str,
    name: str,
) -> Drawn:
    """A line for each of `shares`, at the places of `grid`; the first is drawn stronger.

    `axes_named` says what the axes are, x and y.
    """
    across, up = axes_named
    rows: list[list[Cell]] = [
        [x, *(each[i] for each in shares.values())] for i, x in enumerate(grid)
    ]
    table = numbers([across, *shares], rows)
    with drawing():
        figure, axes = new_axes(290)
        handles = strokes(axes, grid, shares, _COLOURS)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=across, ylabel=up)
        axes.grid(linewidth=0.5)
        axes.set_axisbelow(True)
        add_legend(axes, handles)
        half = [row for row in rows if row[0] in (0.25, 0.5, 0.75)]
        said = numbers(["", across, *shares], [["", *row] for row in half])
        svg = inline(figure, name, spoken(title, said, [across, *shares]))
    return Drawn(title, svg, caption, table)
