"""How well predictors do, by what they see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from attnaudit.drawing.dots import score_dots
from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.intervals import intervals
from attnaudit.drawing.marks import Mark
from attnaudit.errors import printable
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.rationalize.names import in_words, places_of


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The score of every predictor, and what rationales gain over random words and over places."""
    found = summaries["rationalize"]
    table = found.tables.get("rationalize.runs")
    if table is None:
        return []
    score = table.columns[2]  # by what it is called
    scores: dict[str, list[float]] = defaultdict(list)
    for row in found.rows("rationalize.runs"):
        value = row[score]
        if isinstance(value, float):
            scores[printable(row["sees"])].append(value)
    if not scores:
        return []
    return [
        score_dots(
            {kind: np.array(each) for kind, each in scores.items()},
            f"{score} of predictors, by what they see",
            "A predictor is trained and tested on what its row names, and sees no other word.",
            "rationalize-scores",
            score,
        ),
        *_gaps(found, score),
    ]


def _gaps(found: Summary, score: str) -> list[Drawn]:
    gaps: dict[str, Estimate] = {}
    for name, each in found.metrics.items():
        _, between, *rest = name.split(".")
        by, _, other = between.rpartition("-")
        if rest == ["score_gap"] and each.value is not None:
            against = {"positions": "their places"}.get(other) or in_words(other)
            gaps[f"{in_words(by)} over {against}"] = each
        elif rest == ["leak_gap"] and each.value is not None:
            gaps[f"{in_words(places_of(between))} over a constant"] = each
    if not gaps:
        return []
    return [
        intervals(
            gaps,
            "What rationales are worth",
            f"gain in {score}",
            "Left of 0, a model does worse with the words of the rationale than with what the row"
            " names. In the last row of each score, right of 0, the places alone give the label"
            " away. Bars are 95 % intervals over seeds and texts.",
            "rationalize-gaps",
            (Mark("no difference", 0.0),),
        )
    ]
