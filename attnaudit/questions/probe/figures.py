"""How well a probe does under each guide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from attnaudit.drawing.dots import score_dots
from attnaudit.drawing.drawn import Drawn
from attnaudit.errors import printable
from attnaudit.measures.summary import Summary


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """F1 of every probe, by guide."""
    scores: dict[str, list[float]] = defaultdict(list)
    for row in summaries["probe"].rows("probe.runs"):
        if isinstance(row["F1"], float):
            guide = printable(row["guide"])
            scores[guide if row["seed"] is None else f"guide {guide}"].append(row["F1"])
    if not scores:
        return []
    return [
        score_dots(
            {kind: np.array(each) for kind, each in scores.items()},
            "F1 of the probe by guide",
            "A model without context that is given these weights instead of its own.",
            "probe-scores",
        )
    ]
