"""How far attention moves on each rung of the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.intervals import intervals
from attnaudit.drawing.marks import Mark
from attnaudit.measures.divergences import LN2
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.ladder.metrics import RUNGS
from attnaudit.questions.ladder.tables import EXACT, UPPER, bound_of

_SHORT = {
    "weights": "1 weights",
    "query": "2 query",
    "state": "3 state",
    "word_embeddings": "4 embeddings",
    "parameters": "5 parameters",
}


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The mean JSD of each rung, named as exact, lower bound or upper bound."""
    metrics = summaries["ladder"].metrics
    shown: dict[str, Estimate] = {}
    for rung in RUNGS:
        found = metrics.get(f"ladder.{rung}.jsd.mean")
        if found is None or found.value is None:
            continue
        named = bound_of(rung, metrics)
        shown[f"{_SHORT[rung]}: {named}"] = found
        if rung == "weights" and named != EXACT:
            shown[f"{_SHORT[rung]}: {UPPER}"] = metrics["ladder.weights.upper.mean"]
    if len(shown) < 2:
        return []
    return [
        intervals(
            shown,
            "How far the attention can move at the same answer",
            "JSD, mean over texts",
            "Each row lets something else of the model change. A dot is a mean over texts with its"
            " 95 % interval. A lower bound is what a search found: more may be possible. Weights"
            " can do all that a query can do. Otherwise no rung can do all that another can do.",
            "ladder-rungs",
            [Mark("largest JSD there is", LN2)],
        )
    ]
