"""The TVD-JSD curve as it is drawn; see `curve_points`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from attnaudit.drawing.drawn import Drawn, add_legend, numbers, spoken
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes
from attnaudit.measures.divergences import LN2
from attnaudit.questions.curve_points import Point, by_lambda


class _Look(NamedTuple):
    name: str
    mark: str
    colour: str
    filled: bool = True


# The marks of Wiegreffe & Pinter's figure: dots for lambdas, triangles for seeds, a plus for the
# adversary per instance; and a square for uniform weights.
_LOOKS = {
    "lambda": _Look("adversary, with its lambda", "o", "c0"),
    "imitator": _Look("imitator (lambda 0)", "o", "c0", False),
    "seed": _Look("same recipe, another seed", "^", "c1"),
    "uniform": _Look("trained with uniform weights", "s", "c2"),
    "text": _Look("per-text search (no model)", "P", "c3"),
}
_LEAST_TOP = 0.05  # the axis of the TVD reaches at least so far, lest noise look like a cost


def tvd_jsd_curve(points: Sequence[Point], name: str) -> Drawn:
    """How far attention was moved, and what that cost in the answers.

    Wiegreffe & Pinter (2019), section 4, with the full TVD where their code halves it.
    """
    title = "How far attention can be moved, and how far answers move with it"
    means = by_lambda(points)
    shown = [*means, *(p for p in points if p.kind != "lambda")]
    rows = [[_look(p).name, p.strength, p.jsd, p.tvd] for p in shown]
    table = numbers(["model", "lambda", "mean JSD", "mean TVD"], rows)
    with drawing():
        figure, axes = new_axes(340)
        axes.axvline(LN2, color=COLOURS["muted"], linewidth=0.8, linestyle=":")
        blue = COLOURS["c0"]
        runs = [p for p in points if p.kind == "lambda"]
        axes.plot([p.jsd for p in means], [p.tvd for p in means], color=blue, linewidth=1)
        axes.plot([p.jsd for p in runs], [p.tvd for p in runs], ".", color=blue, alpha=0.4)
        for p in shown:
            _plot(axes, p)
        for above, p in enumerate(means):
            _name_lambda(axes, p, above % 2 == 0)
        top = max(_LEAST_TOP, *(p.tvd for p in points))
        axes.set(xlim=(-0.015, 1.04 * LN2), ylim=(-0.06 * top, 1.15 * top))
        axes.set_xlabel("mean JSD of the attention (dotted: ln 2)")
        axes.set_ylabel("mean TVD of the answers")
        axes.grid(linewidth=0.5)
        axes.set_axisbelow(True)
        add_legend(axes, [_handle(look) for look in dict.fromkeys(map(_look, shown))])
        svg = inline(figure, name, spoken(title, table, ["lambda", "mean JSD", "mean TVD"]))
    caption = (
        "Each mark is a model that was trained again. Further right, its attention differs "
        "more from the audited model's (JSD). Higher up, its answers differ more (TVD). A dot "
        "that lies further right than the imitators, and no higher than other seeds, shows "
        "that other attention can give the same answers. Small dots are single models, large "
        "dots are means."
    )
    if any(p.kind == "text" for p in points):
        caption += (
            " The plus is the per-text search. It is not a model, and it is no evidence "
            "against attention, wherever it lies: the model may never produce those weights."
        )
    return Drawn(title, svg, caption, table)


def _look(point: Point) -> _Look:
    return _LOOKS["imitator" if point.imitator else point.kind]


def _plot(axes: Axes, point: Point) -> None:
    look = _look(point)
    colour = COLOURS[look.colour]
    axes.plot(
        [point.jsd],
        [point.tvd],
        look.mark,
        markersize=8,
        markeredgecolor=colour,
        markerfacecolor=colour if look.filled else COLOURS["page"],
        markeredgewidth=1.4,
    )


def _handle(look: _Look) -> Line2D:
    colour = COLOURS[look.colour]
    return Line2D(
        [],
        [],
        linestyle="",
        marker=look.mark,
        markersize=8,
        markeredgecolor=colour,
        markerfacecolor=colour if look.filled else COLOURS["page"],
        label=look.name,
    )


def _name_lambda(axes: Axes, point: Point, above: bool) -> None:
    axes.annotate(
        f"{point.strength:g}",
        (point.jsd, point.tvd),
        xytext=(0, 8 if above else -8),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        fontsize=9,
        color=COLOURS["ink"],
    )
