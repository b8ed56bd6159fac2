"""Maps of numbers with two places each, such as layers and heads: the larger, the darker."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from attnaudit.drawing.drawn import Drawn, numbers, spoken
from attnaudit.drawing.svg import COLOURS, WIDTH, drawing, inline, new_figure
from attnaudit.measures.summary import Cell

_ACROSS = 2  # maps beside each other
_HIGH = (80.0, 320.0)  # points that a map is high, at least and at most


def maps(
    values: Mapping[str, Mapping[tuple[int, int], float]],
    shape: tuple[int, int],
    title: str,
    axes_named: tuple[str, str],
    caption: str,
    name: str,
    begin: tuple[int, int] = (0, 0),
) -> Drawn:
    """A map for each of `values`, which hold a number of at least 0 by row and column.

    `shape` is how many rows and columns there are, `begin` the numbers of the first ones. The first
    row stands at the bottom. `axes_named` says what columns and rows are. Above each map stands its
    largest number, which is the darkest.
    """
    across, up = axes_named
    (height, width), (low, left) = shape, begin
    rows: list[list[Cell]] = [
        [f"{up} {row}, {across} {column}", *(each[row, column] for each in values.values())]
        for row in range(low, low + height)
        for column in range(left, left + width)
    ]
    table = numbers(["", *values], rows)
    down = -(-len(values) // _ACROSS)
    high = min(max(_HIGH[0], height * (WIDTH / _ACROSS - 40) / width), _HIGH[1])
    with drawing():
        figure = new_figure(down * (high + 56))
        for k, (words, each) in enumerate(values.items()):
            axes = figure.add_subplot(down, _ACROSS, k + 1)
            most = max(each.values(), default=0.0)
            for (row, column), value in each.items():
                axes.add_patch(
                    Rectangle(
                        (column - 0.5, row - 0.5),
                        1,
                        1,
                        facecolor=COLOURS["c0"],
                        alpha=value / most if most > 0 else 0.0,
                        linewidth=0,
                    )
                )
            axes.set(xlim=(left - 0.5, left + width - 0.5), ylim=(low - 0.5, low + height - 0.5))
            axes.set_title(f"{words}\n0 to {most:.2g}", fontsize=10, loc="left")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
            if k >= len(values) - _ACROSS:
                axes.set_xlabel(across)
            if k % _ACROSS == 0:
                axes.set_ylabel(up)
        said = sorted(rows, key=lambda row: -float(row[1] or 0.0))
        svg = inline(figure, name, spoken(title, numbers(["", *values], said), [*values]))
    return Drawn(title, svg, caption, table)
