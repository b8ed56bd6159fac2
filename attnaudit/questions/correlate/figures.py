"""How far attention agrees with the importances that Jain & Wallace (2019) draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.histogram import histogram
from attnaudit.measures.summary import Summary
from attnaudit.questions.spread import by_class

IMPORTANCES = ("gradient", "leave_one_out")


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """Kendall's tau of each text, by predicted class."""
    drawn = []
    for name in IMPORTANCES:
        taus = by_class(summaries["correlate"], f"correlate.{name}.tau.mean")
        if taus:
            drawn.append(
                histogram(
                    taus,
                    f"Agreement of attention with {name.replace('_', ' ')}",
                    "Kendall's tau of a text",
                    "At 1 both rank the words alike, at 0 the rankings have nothing in common.",
                    labels,
                    f"correlate-taus-{name}",
                )
            )
    return drawn
