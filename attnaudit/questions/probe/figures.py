"""How well a probe does under each guide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from attnaudit.drawing.dots import score_dots
from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.intervals import intervals
from attnaudit.drawing.marks import Mark
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
        *_gaps(summaries["probe"], name),
        score_dots(
            {kind: np.array(each) for kind, each in scores.items()},
            f"{name} of the probe, by the source of its weights",
            "A probe is a model that sees each word by itself and takes its attention weights "
            "from elsewhere. Each row names the source. The last rows are models of the recipe "
            "that learn from texts without some of their words.",
            "probe-scores",
            name,
        ),
    ]


def _gaps(found: Summary, score: str) -> list[Drawn]:
    """How much better the probe does under the audited model's weights than under others."""
    gaps = {}
    for name, each in found.metrics.items():
        _, between, *rest = name.split(".")
        if rest == ["score_gap"] and between.startswith("base-") and each.value is not None:
            gaps[f"than {guide_words(between.removeprefix('base-'))}"] = each
    if not gaps:
        return []
    return [
        intervals(
            gaps,
            "How much better the audited model's weights serve the probe",
            f"gain in {score}",
            "Right of 0, the audited model's weights help the probe more than the weights "
            "named in the row. Bars are 95 % intervals over seeds and texts.",
            "probe-gaps",
            (Mark("no difference", 0.0),),
        )
    ]
