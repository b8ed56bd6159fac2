"""What of several heads is shown and ranked: what `--heads` offers, see `readings.heads`."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

READINGS = (
    Entry(
        "reading",
        "mean",
        "The mean of the weights of all heads: what is shown and ranked by default.",
        formula="mean_h a_h",
        beside=("head",),
        traps="Heads that attend to different words may cancel each other out.",
        source="common usage",
    ),
    Entry(
        "reading",
        "max",
        "The largest weight that any head gives to a word.",
        formula="max_h a_h",
        beside=("head",),
        traps="One idle head may decide it.",
        source="common usage",
    ),
    Entry(
        "reading",
        "one head",
        "The weights of one head alone, by its number from 0.",
        formula="a_h",
        beside=("head",),
        traps="What one head shows, the answer may not depend on.",
        source="common usage",
    ),
)
