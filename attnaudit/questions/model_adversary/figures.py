"""How far the attention of retrained adversaries lies, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.measures.summary import Summary
from attnaudit.questions.curve_figure import tvd_jsd_curve
from attnaudit.questions.curve_points import curve_points


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The TVD-JSD curve, with the models of other questions that were asked."""
    points = curve_points(summaries)
    return [tvd_jsd_curve(points, "curve")] if points else []
