"""A histogram by class of numbers between -1 and 1, one a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attnaudit.drawing.drawn import (
    ALL,
    LINES,
    Array,
    Drawn,
    add_legend,
    class_handle,
    class_name,
    numbers,
    quartiles,
    spoken,
)
from attnaudit.drawing.marks import Mark, draw_marks, mark_handles
from attnaudit.drawing.palette import CLASSES
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes

BINS = np.linspace(-1, 1, 41)


def histogram(
    by_class: Mapping[int, Array],
    title: str,
    axis: str,
    caption: str,
    labels: Sequence[str],
    name: str,
    marks: Sequence[Mark] = (),
) -> Drawn:
    """The share of each class's texts in each of BINS. `axis` says what the numbers are.

    `marks` are lines to compare them with.
    """
    values = _pooled(by_class)
    rows = [[class_name(c, labels), *quartiles(found)] for c, found in values.items()]
    table = numbers(["predicted", "Q1", "median", "Q3", "n"], rows)
    with drawing():
        figure, axes = new_axes(250 + 18 * ((len(values) + len(marks) + 1) // 2))
        for k, share in enumerate(shares(values).values()):
            colour = COLOURS[CLASSES[k]]
            axes.stairs(share, BINS, fill=True, color=colour, alpha=0.2)
            axes.stairs(share, BINS, color=colour, linestyle=LINES[k], linewidth=1.6)
        axes.axvline(0, color=COLOURS["muted"], linewidth=0.8)
        draw_marks(axes, marks)
        axes.set(xlim=(-1, 1), ylim=(0, None), xlabel=axis)
        axes.set_xticks([-1, -0.5, 0, 0.5, 1])
        axes.set_ylabel("share of the texts")
        classes = [class_handle(k, c, labels, line=LINES[k]) for k, c in enumerate(values)]
        add_legend(axes, [*classes, *mark_handles(marks)])
        svg = inline(figure, name, spoken(title, table, ["median"]))
    return Drawn(title, svg, caption, table)


def shares(by_class: Mapping[int, Array]) -> dict[int, Array]:
    """The share of each class's numbers in each of BINS."""
    return {c: np.histogram(found, BINS)[0] / len(found) for c, found in by_class.items()}


def _pooled(values: Mapping[int, Array]) -> Mapping[int, Array]:
    """The values by class, or all together where there are more classes than colours."""
    if len(values) <= len(CLASSES):
        return values
    return {ALL: np.concatenate(list(values.values()))}
