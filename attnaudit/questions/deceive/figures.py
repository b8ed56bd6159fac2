"""How the use of impermissible words goes with the attention on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from attnaudit.drawing.drawn import Drawn, numbers, spoken
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes
from attnaudit.measures.summary import Cell, Summary
from attnaudit.questions.deceive.tables import MASS, USE, VERDICTS

_TITLE = "Attention on impermissible words, and their use"
_CAPTION = (
    "Each dot is the mean of the models trained with a coefficient, from 0, joined in their order;"
    " the square is the audited model. Further left, the words get less attention. Higher up, the"
    " answers depend more on them (TVD without the words, beyond that without as many others)."
    " Bars are 95 % intervals. A dot at the top left is a model that hides what it uses. One at"
    " the bottom uses the words little."
)


class _Point(NamedTuple):
    """A kind of model: what it is called, and value, low and high of both figures."""

    words: str
    mass: tuple[float, float, float]
    use: tuple[float, float, float]


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The curve of use over attention; none where nothing was trained."""
    found = summaries["deceive"].tables.get(VERDICTS)
    rows_of = () if found is None else found.rows
    points = [p for row in rows_of if (p := _point(row)) is not None]
    if len(points) < 2:
        return []
    trained = points[1:]  # the first one is the audited model
    rows: list[list[Cell]] = [[p.words, *p.mass, *p.use] for p in points]
    columns = ["model", MASS, "low", "high", USE, "low", "high"]
    table = numbers(columns, rows)
    blue, grey = COLOURS["c0"], COLOURS["ink"]
    with drawing():
        figure, axes = new_axes(340)
        curve = [p.mass[0] for p in trained], [p.use[0] for p in trained]
        axes.plot(*curve, color=blue, linewidth=1)
        for place, p in enumerate(points):
            colour, mark = (blue, "o") if place else (grey, "s")
            across, up = (([x[0] - x[1]], [x[2] - x[0]]) for x in (p.mass, p.use))
            axes.errorbar(
                [p.mass[0]],
                [p.use[0]],
                xerr=across,
                yerr=up,
                fmt=mark,
                color=colour,
                markersize=7,
                linewidth=1.2,
            )
            axes.annotate(
                p.words.removeprefix("coefficient "),
                (p.mass[0], p.use[0]),
                xytext=(7, 7 if place % 2 else -12),
                textcoords="offset points",
                fontsize=9,
                color=COLOURS["ink"],
            )
        lowest = min(0.0, *(p.use[1] for p in points))
        axes.set(xlim=(-0.02, 1.02), ylim=(1.1 * lowest - 0.02, 1.04))
        axes.set_xlabel("attention on the words")
        axes.set_ylabel("use of the words (TVD)")
        axes.grid(linewidth=0.5)
        axes.set_axisbelow(True)
        svg = inline(figure, "deceive-curve", spoken(_TITLE, table, [MASS, USE]))
    return [Drawn(_TITLE, svg, _CAPTION, table)]


def _point(row: Sequence[Cell]) -> _Point | None:
    """The point of a row: its last six cells are both figures, each with its interval."""
    mass, use = _three(row[-6:-3]), _three(row[-3:])
    return None if mass is None or use is None else _Point(str(row[0]), mass, use)


def _three(cells: Sequence[Cell]) -> tuple[float, float, float] | None:
    """Value, low and high; where there is no interval, its ends are the value."""
    value, low, high = cells
    if value is None:
        return None
    ends = (value if end is None else end for end in (low, high))
    least, most = map(float, ends)
    return float(value), least, most
