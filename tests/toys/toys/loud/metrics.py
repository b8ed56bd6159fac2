"""Metrics of `loud`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, MetricSpec

SPECS = (
    MetricSpec(
        "loud.largest.mean",
        "Mean over instances of the largest weight of a word.",
        "weight",
        "neutral",
        LEAST_MEAN,
        (0.0, None),
        formula="mean_i max_w a_iw",
        source="made for the tests",
        traps="It falls with the length of a text.",
    ),
)
