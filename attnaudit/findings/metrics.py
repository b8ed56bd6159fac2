"""Metrics that several audits give only together."""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, MetricSpec

EXCESS = "manipulation.excess_jsd"

SPECS = (
    MetricSpec(
        EXCESS,
        "Mean Jensen-Shannon divergence of adversaries' attention from the audited model's, less "
        "that of imitators (lambda 0), within the total variation distance that seeds of the "
        "recipe have themselves; interpolated along the TVD-JSD curve, chosen on dev.",
        "nats",
        "lower",
        LEAST_MEAN,
        (-JSD[1], JSD[1]),
    ),
)
