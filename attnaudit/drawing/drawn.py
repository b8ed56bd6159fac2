"""What all figures have in common: their form, their legends, how they name things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from attnaudit.drawing.svg import COLOURS
from attnaudit.errors import printable
from attnaudit.measures.summary import Cell, Table

Array = NDArray[np.float64]
LineStyle = Literal["-", "--", ":", "-.", ""]
MARKERS = ("o", "D", "s", "^")  # of the classes, as far as there are colours
LINES: tuple[LineStyle, ...] = ("-", "--", ":", "-.")
ALL = -1  # the class that stands for all of them, where there are more than colours
_LONGEST = 30  # letters of a name within a figure
_SPOKEN = 8  # rows of numbers that the spoken text holds


@dataclass(frozen=True)
class Drawn:
    """A figure as the page shows it: with a caption, and the numbers behind it as a table."""

    title: str
    svg: str
    caption: str
    numbers: Table


def class_name(c: int, labels: Sequence[str]) -> str:
    """The label of a class, or of all classes together."""
    return "all" if c == ALL else printable(labels[c])


def short(name: str) -> str:
    """A name that fits into a figure."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def strokes(
    axes: Axes,
    places: Sequence[float],
    values: Mapping[str, Sequence[float]],
    colours: Sequence[str],
) -> list[Line2D]:
    """Draw a line for each of `values`, the first one stronger; gives the legend's entries.

    `colours` are names of COLOURS. They and the kinds of lines take turns.
    """
    handles = []
    for k, (words, each) in enumerate(values.items()):
        look: dict[str, Any] = {
            "color": COLOURS[colours[k % len(colours)]],
            "linestyle": LINES[k % len(LINES)],
            "linewidth": 2.4 if k == 0 else 1.6,
        }
        axes.plot(places, each, **look)
        handles.append(Line2D([], [], label=words, **look))
    return handles


def class_handle(
    k: int, c: int, labels: Sequence[str], line: LineStyle = "", mark: str = ""
) -> Line2D:
    """The legend's entry for class `c`, drawn as the k-th."""
    return Line2D(
        [],
        [],
        color=COLOURS[f"c{k}"],
        linestyle=line,
        marker=mark,
        # The words before the name also keep matplotlib from hiding one that begins with "_".
        label=f"predicted {short(class_name(c, labels))}",
    )


def add_legend(axes: Axes, handles: Sequence[Line2D]) -> None:
    """A legend above the axes, where it hides nothing."""
    figure = axes.get_figure(root=True)
    if figure is not None and handles:
        figure.legend(handles=list(handles), loc="outside upper left", ncols=2, frameon=False)


def quartiles(values: Array) -> list[Cell]:
    """The quartiles of some values, and how many there are."""
    return [*(float(q) for q in np.quantile(values, [0.25, 0.5, 0.75])), len(values)]


def numbers(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    """The table behind a figure."""
    return Table("The numbers", list(columns), [list(row) for row in rows])


def spoken(title: str, table: Table, figures: Sequence[str]) -> str:
    """What a figure says to readers who cannot see it: its first rows, by their words and figures.

    `figures` are the columns of numbers that are read out.
    """
    lines = []
    for row in table.rows[:_SPOKEN]:
        cells = dict(zip(table.columns, row, strict=True))
        words = [str(cell) for cell in row if isinstance(cell, str)]
        read = [f"{name} {cells[name]:.2f}" for name in figures if cells[name] is not None]
        lines.append(f"{' '.join(words)}: {', '.join(read)}")
    more = len(table.rows) - _SPOKEN
    rest = f"; and {more} more in the table below" if more > 0 else ""
    return f"{title}. {'; '.join(lines)}{rest}."
