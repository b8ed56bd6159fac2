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
            "How far away other weights for the same answer are",
            "largest JSD found for a text (dotted: ln 2)",
            LN2,
            "For each text on its own: how far weights can be from the model's own attention "
            "while the answer stays the same. The model may never produce such weights.",
            labels,
            "instance_adversary-instance",
        )
    ]
