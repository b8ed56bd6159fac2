"""How free weights are, by the length of the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.lines import lines
from attnaudit.measures.summary import Summary
from attnaudit.questions.identify.tables import (
    DETACHED,
    LENGTH,
    PINNED,
    POSSIBLE,
    PRODUCIBLE,
)

_LINES = {
    DETACHED: "any weights (detached)",
    PRODUCIBLE: "a query's weights (producible)",
    PINNED: "tokens pinned down",
}


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """Freedom by length, as a share of the most that is possible; none for one length alone."""
    rows = [row for row in summaries["identify"].rows("identify.lengths") if row[POSSIBLE]]
    if len(rows) < 2:
        return []
    most = [float(row[POSSIBLE] or 0) for row in rows]
    shown = {}
    for name, words in _LINES.items():
        found = [row[name] for row in rows]
        if None in found:
            continue
        scale = [1.0] * len(rows) if name == PINNED else most
        shown[words] = [float(x or 0) / y for x, y in zip(found, scale, strict=True)]
    return [
        lines(
            [float(row[LENGTH] or 0) for row in rows],
            shown,
            "How free the weights are, by length",
            ("tokens that the row can attend to", "share of the directions, or of the tokens"),
            "Where the first line is above 0, other weights give the same average of a head. The"
            " second line says in how many of the directions a query could make such weights, near"
            " the model's own. Each point is a bin of the table.",
            "identify-freedom",
        )
    ]
