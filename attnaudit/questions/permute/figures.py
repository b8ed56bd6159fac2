"""What shuffling the attention changes in the answers (Jain & Wallace 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.violins import violins
from attnaudit.measures.summary import Summary
from attnaudit.questions.spread import by_weight_and_class


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The median TVD of each text."""
    cells = by_weight_and_class(summaries["permute"], "permute.tvd.mean")
    if not cells:
        return []
    return [
        violins(
            cells,
            "What shuffling the attention changes",
            "median TVD of a text's answer, 0 to 1",
            1.0,
            "TVD says how far an answer moves, from 0 to 1. Near 0 the answer does not depend "
            "on which word has which weight.",
            labels,
            "permute-permute",
        )
    ]
