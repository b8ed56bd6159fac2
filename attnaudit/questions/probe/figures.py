"""How well a probe does under each guide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from attnaudit.drawing.dots import score_dots
from attnaudit.drawing.drawn import Drawn
from attnaudit.errors import printable
from attnaudit.measures.summary import Summary
from attnaudit.questions.probe.names import guide_words


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The score of every probe by guide, and of the models of the leak control."""
    table = summaries["probe"].tables.get("probe.runs")
    if table is None:
        return []
    name = table.columns[2]  # the score, by what it is called
    scores: dict[str, list[float]] = defaultdict(list)
    for row in summaries["probe"].rows("probe.runs"):
        value = row[name]
        if isinstance(value, float):
            kind = printable(row["guide"])
            is_guide = row["seed"] is not None and not kind.startswith("without ")
            scores[guide_words(kind) if is_guide else kind].append(value)
    if not scores:
        return []
    return [
        score_dots(
            {kind: np.array(each) for kind, each in scores.items()},
            f"{name} of the probe by guide",
            "A probe is a model that sees each word by itself and takes its weights from elsewhere:"
            " each row says from where. The last rows are models of the recipe that learn from"
            " texts without some words.",
            "probe-scores",
            name,
        )
    ]
