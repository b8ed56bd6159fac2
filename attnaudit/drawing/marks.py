"""Upright lines that a figure is to be compared with, each with its name in the legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from attnaudit.drawing.drawn import LineStyle
from attnaudit.drawing.svg import COLOURS


class Mark(NamedTuple):
    """A line at `x`, which is called `words`."""

    words: str
    x: float
    line: LineStyle = ":"


def draw_marks(axes: Axes, marks: Sequence[Mark]) -> None:
    """Draw the lines, behind nothing."""
    for mark in marks:
        axes.axvline(mark.x, color=COLOURS["ink"], linestyle=mark.line, linewidth=1.4)


def mark_handles(marks: Sequence[Mark]) -> list[Line2D]:
    """Their entries in the legend, with their values."""
    return [
        Line2D(
            [],
            [],
            color=COLOURS["ink"],
            linestyle=mark.line,
            linewidth=1.4,
            label=f"{mark.words}: {mark.x:.2f}",
        )
        for mark in marks
    ]
