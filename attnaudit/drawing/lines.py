"""Lines over an axis of shares or of whole numbers, beside a band that chance gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from attnaudit.drawing.drawn import Drawn, add_legend, numbers, spoken, strokes
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes
from attnaudit.measures.summary import Cell

_COLOURS = ("c0", "c1", "c2", "c3")


@dataclass(frozen=True)
class Band:
    """What chance gives at each place: its mean, and the least and the most of it."""

    words: str
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def lines(
    places: Sequence[float],
    values: Mapping[str, Sequence[float]],
    title: str,
    axes_named: tuple[str, str],
    caption: str,
    name: str,
    band: Band | None = None,
) -> Drawn:
    """A line for each of `values`, in [0, 1], at the `places`; the first is drawn stronger.

    `axes_named` says what the axes are, x and y. Places that are whole numbers get whole ticks.
    """
    across, up = axes_named
    columns = dict(values)
    if band is not None:
        columns |= {f"{band.words}, mean": band.mean, "lowest": band.low, "highest": band.high}
    rows: list[list[Cell]] = [
        [x, *(each[i] for each in columns.values())] for i, x in enumerate(places)
    ]
    table = numbers([across, *columns], rows)
    with drawing():
        figure, axes = new_axes(300)
        handles = strokes(axes, places, values, _COLOURS)
        if band is not None:
            grey = COLOURS["muted"]
            axes.fill_between(places, band.low, band.high, color=grey, alpha=0.25, linewidth=0)
            axes.plot(places, band.mean, color=grey, linewidth=1.2)
            handles.append(Line2D([], [], color=grey, linewidth=6, alpha=0.5, label=band.words))
        axes.set(xlim=(places[0], places[-1]), ylim=(0, 1.02), xlabel=across, ylabel=up)
        if all(isinstance(place, int) for place in places):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(linewidth=0.5)
        axes.set_axisbelow(True)
        add_legend(axes, handles)
        said = numbers(["", across, *columns], [["", *row] for row in rows])
        svg = inline(figure, name, spoken(title, said, [across, *columns]))
    return Drawn(title, svg, caption, table)
