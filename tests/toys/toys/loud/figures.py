"""The largest weight of each text."""

from __future__ import annotations

from attnaudit.drawing.violins import violins
from attnaudit.questions.spread import by_weight_and_class


def figures(summaries, labels):
    """Of the texts of each bin."""
    cells = by_weight_and_class(summaries["loud"], "loud.largest.mean")
    title, axis = "How loud the loudest word is", "largest weight"
    return [violins(cells, title, axis, 1.0, "Louder to the right.", labels, "loud")]
