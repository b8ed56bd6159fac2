"""The rankings beside each other, by how far the answer falls without their top words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.intervals import intervals
from attnaudit.drawing.marks import Mark
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.compare_readings.gathered import PREFIX
from attnaudit.questions.compare_readings.names import FLOOR, OPERATORS
from attnaudit.questions.compare_readings.order import best_first

_CAPTION = (
    "How much the probability of the predicted class falls when the top words of each ranking are"
    " erased. Higher is better. The dotted line is a random ranking. The order may be another one"
    " if words are erased in another way, and a model can be built to have high scores."
)


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """Comprehensiveness of each ranking, best first: a figure for each operator."""
    metrics, drawn = summaries["compare-readings"].metrics, []
    for operator in OPERATORS:
        stem = f"{PREFIX}{operator}.comprehensiveness."
        found = {n.removeprefix(stem): m for n, m in metrics.items() if n.startswith(stem)}
        floor = found.pop(FLOOR, Estimate(None))
        known = {name: one for name, one in found.items() if one.value is not None}
        if not known:
            continue
        order = best_first({name: one.value for name, one in known.items()}, lower=False)
        marks = [] if floor.value is None else [Mark("random ranking", floor.value, ":")]
        drawn.append(
            intervals(
                {name: known[name] for name in order},
                f"Comprehensiveness of the rankings ({operator})",
                "fall of the probability",
                _CAPTION,
                f"compare-readings-{operator}",
                marks,
            )
        )
    return drawn
