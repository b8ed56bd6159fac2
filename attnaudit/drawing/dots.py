"""Scores of kinds of models as rows of dots."""

from __future__ import annotations

from collections.abc import Mapping

from attnaudit.drawing.drawn import Array, Drawn, numbers, short, spoken
from attnaudit.drawing.svg import COLOURS, drawing, inline, new_axes
from attnaudit.measures.summary import Cell


def score_dots(
    scores: Mapping[str, Array], title: str, caption: str, name: str, score: str = "F1"
) -> Drawn:
    """The `score` of each kind of model, by what it is called: a dot a run, and their range."""
    rows: list[list[Cell]] = [
        [kind, float(v.mean()), float(v.min()), float(v.max()), len(v)]
        for kind, v in scores.items()
    ]
    table = numbers(["model", f"mean {score}", "least", "largest", "runs"], rows)
    with drawing():
        figure, axes = new_axes(90 + 32 * len(scores))
        for k, values in enumerate(scores.values()):
            axes.plot([values.min(), values.max()], [k, k], color=COLOURS["c0"], linewidth=1.5)
            axes.plot(values, [k] * len(values), "o", color=COLOURS["c0"], alpha=0.4)
            axes.plot([values.mean()], [k], "|", color=COLOURS["ink"], markersize=16)
        axes.set_yticks(range(len(scores)), [short(kind) for kind in scores])
        axes.set(ylim=(len(scores) - 0.5, -0.5), xlabel=f"{score} on the audited split")
        axes.margins(x=0.08)
        axes.locator_params(axis="x", nbins=4)
        axes.grid(axis="x", linewidth=0.5)
        axes.set_axisbelow(True)
        svg = inline(figure, name, spoken(title, table, [f"mean {score}", "least", "largest"]))
    return Drawn(
        title, svg, f"{caption} Each dot is one model, and the vertical mark is their mean.", table
    )
