"""A reading: the last head."""

from __future__ import annotations

from attnaudit.readings.reading import Reading

READING = Reading(
    name="last",
    definition="The weights of the last head alone.",
    formula="a_H",
    source="made for the tests",
    traps="Another model has another last head.",
    of_weights=lambda alpha: alpha[:, -1],
    parts=lambda heads: [float(h == heads - 1) for h in range(heads)],
)
