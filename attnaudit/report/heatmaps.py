"""What every format says of a heatmap in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from attnaudit.errors import printable
from attnaudit.questions.gallery import Heatmap, Weights


def heading(heatmap: Heatmap, labels: Sequence[str]) -> str:
    """What the instance is called, and what the model and the data say of it."""
    gold, predicted = (printable(labels[c]) for c in (heatmap.gold, heatmap.predicted))
    probs = heatmap.rows[0].probs
    sure = "" if probs is None else f" ({probs[heatmap.predicted]:.3f})"
    return f"{printable(heatmap.id)}: predicted {predicted}{sure}, gold {gold}"


def caption(heatmap: Heatmap, row: Weights, labels: Sequence[str]) -> str:
    """What a row shows: its name, how far it lies from the attention, and what it answers."""
    parts = [row.name]
    if row.jsd is not None:
        parts.append(f"JSD {row.jsd:.3f}")
    change = heatmap.change(row)
    if change is not None and row.probs is not None:
        label = printable(labels[heatmap.predicted])
        moved = round(change, 3) + 0.0  # takes the sign off a negative zero
        parts.append(f"P({label}) {row.probs[heatmap.predicted]:.3f}, changed by {moved:+.3f}")
    return ", ".join(parts)
