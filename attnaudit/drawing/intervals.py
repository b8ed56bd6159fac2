"""Figures with their intervals, one below the other, beside what to compare them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn, add_legend, numbers, short, spoken
from attnaudit.drawing.marks import Mark, draw_marks, mark_handles
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes
from attnaudit.measures.summary import Cell, Estimate


def intervals(
    figures: Mapping[str, Estimate],
    title: str,
    axis: str,
    caption: str,
    name: str,
    marks: Sequence[Mark] = (),
) -> Drawn:
    """A dot for each figure that has a value, by what it is called, and a bar for its interval.

    The first one, which the others are beside, is drawn stronger. `axis` says what the figures
    are; `marks` are lines to compare them with.
    """
    known = {key: each for key, each in figures.items() if each.value is not None}
    rows: list[list[Cell]] = [
        [key, each.value, each.ci_low, each.ci_high] for key, each in known.items()
    ]
    table = numbers(["", axis, "low", "high"], rows)
    with drawing():
        figure, axes = new_axes(80 + 26 * len(known))
        draw_marks(axes, marks)
        for k, each in enumerate(known.values()):
            colour = COLOURS["c0" if k == 0 else "muted"]
            if each.ci_low is not None and each.ci_high is not None:
                axes.plot([each.ci_low, each.ci_high], [k, k], color=colour, linewidth=3)
            axes.plot([each.value or 0.0], [k], "o", color=colour, markersize=7)
        axes.set_yticks(range(len(known)), [short(key) for key in known])
        axes.set(ylim=(len(known) - 0.5, -0.5), xlabel=axis)
        axes.margins(x=0.06)
        axes.locator_params(axis="x", nbins=5)
        axes.grid(axis="x", linewidth=0.5)
        axes.set_axisbelow(True)
        add_legend(axes, mark_handles(marks))
        svg = inline(figure, name, spoken(title, table, [axis, "low", "high"]))
    return Drawn(title, svg, caption, table)
