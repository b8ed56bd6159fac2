"""How far attention agrees with the importances that Jain & Wallace (2019) draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.histogram import histogram
from attnaudit.drawing.marks import Mark
from attnaudit.measures.summary import Summary
from attnaudit.questions.correlate.metrics import SPECS
from attnaudit.questions.spread import by_class

IMPORTANCES = ("gradient", "leave_one_out")
_LINES = (
    Mark("random floor", 0.0, ":"),
    Mark("gradient with leave-one-out", 0.0, "-."),
)
_CAPTION = (
    "Tau says how alike two rankings of the words are. At 1 attention and the importance rank "
    "the words in the same order. At 0 the two rankings have nothing in common. Compare the "
    "bars with the vertical lines. The random floor is the mean tau of attention with a random "
    "ranking. The other line is the mean tau of gradient with leave-one-out: two importances "
    "do not agree fully, either."
)
_TAU = next(spec for spec in SPECS if spec.pattern == "correlate.{attribution}.tau.mean")
_METRICS = ("correlate.random.tau.mean", "correlate.gradient~leave_one_out.tau.mean")


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """Kendall's tau of each text, by predicted class."""
    drawn, marks = [], _marks(summaries["correlate"])
    for name in (*IMPORTANCES, *_attributions(summaries["correlate"])):
        taus = by_class(summaries["correlate"], f"correlate.{name}.tau.mean")
        if taus:
            drawn.append(
                histogram(
                    taus,
                    f"Agreement of attention with {name.replace('_', ' ')}",
                    "Kendall's tau of a text",
                    _CAPTION,
                    labels,
                    f"correlate-taus-{name}",
                    marks,
                )
            )
    return drawn


def _attributions(found: Summary) -> list[str]:
    """The names of importances that another tool made."""
    return [values["attribution"] for m in found.metrics if (values := _TAU.values(m))]


def _marks(found: Summary) -> list[Mark]:
    """What each tau must be compared with, as far as it is known."""
    means = [found.metrics.get(name) for name in _METRICS]
    return [
        line._replace(x=mean.value)
        for line, mean in zip(_LINES, means, strict=True)
        if mean is not None and mean.value is not None
    ]
