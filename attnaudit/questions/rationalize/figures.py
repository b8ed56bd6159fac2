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
from attnaudit.questions.rationalize.names import FULL, RANDOM, in_short, in_words, places_of

_LEAK = ".leak_gap"
_AGAINST = {"full": "full text", "random": "random", "positions": "its places"}


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The score of every predictor, and what rationales gain over random words and over places."""
    found = summaries["rationalize"]
    table = found.tables.get("rationalize.runs")
    if table is None:
        return []
    score = table.columns[2]  # by what it is called
    known = {in_words(name): in_short(name) for name in _kinds(found)}
    scores: dict[str, list[float]] = defaultdict(list)
    for row in found.rows("rationalize.runs"):
        value, sees = row[score], str(row["sees"])
        if isinstance(value, float):
            scores[printable(known.get(sees, sees))].append(value)
    if not scores:
        return []
    return [
        score_dots(
            {kind: np.array(each) for kind, each in scores.items()},
            f"{score} of predictors, by what they see",
            "A predictor is trained and tested on what its row names: the full text, the rationales"
            " by a score, only their places, or random words. It sees no other word.",
            "rationalize-scores",
            score,
        ),
        *_gaps(found, score),
    ]


def _kinds(found: Summary) -> list[str]:
    """What metrics call the kinds of predictors."""
    by = [_of_leak(name) for name in found.metrics if name.endswith(_LEAK)]
    return [FULL, RANDOM, *by, *map(places_of, by)]


def _of_leak(metric: str) -> str:
    return metric.removeprefix("rationalize.").removesuffix(_LEAK)


def _gaps(found: Summary, score: str) -> list[Drawn]:
    gaps: dict[str, Estimate] = {}
    for name, each in found.metrics.items():
        _, between, *rest = name.split(".")
        by, _, other = between.rpartition("-")
        if rest == ["score_gap"] and each.value is not None:
            gaps[f"{in_short(by)} over {_AGAINST[other]}"] = each
        elif name.endswith(_LEAK) and each.value is not None:
            gaps[f"{in_short(places_of(between))} over guessing"] = each
    if not gaps:
        return []
    return [
        intervals(
            gaps,
            "What rationales are worth",
            f"gain in {score}",
            "Left of 0, a model does worse with the words of the rationale than with the full text,"
            " random words, or only the places of its words. In the last row of each score, right"
            " of 0, the places alone give the label away. Bars are 95 % intervals over seeds and"
            " texts.",
            "rationalize-gaps",
            (Mark("no difference", 0.0),),
        )
    ]
