"""How far the adversary of a text moves its attention (Jain & Wallace 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.violins import violins
from attnaudit.measures.divergences import LN2
from attnaudit.measures.summary import Summary
from attnaudit.questions.spread import by_weight_and_class


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The JSD of each text at the first epsilon."""
    found = summaries["instance-adversary"]
    cells = by_weight_and_class(found, "adversary.instance.jsd.mean")
    if not cells:
        return []
    return [
        violins(
            cells,
            "How far other weights for the same answer lie",
            "largest JSD found for a text (dotted: ln 2)",
            LN2,
            "What the model's own attention could be replaced by, each text on its own.",
            labels,
            "instance_adversary-instance",
        )
    ]
