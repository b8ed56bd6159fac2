"""Metrics that several audits give only together."""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, MetricSpec

EXCESS = "manipulation.excess_jsd"

SPECS = (
    MetricSpec(
        EXCESS,
        "How much farther adversaries move the attention than imitators do, while their answers "
        "stay as close to the audited model's as those of other seeds.",
        "nats",
        "lower",
        LEAST_MEAN,
        (-JSD[1], JSD[1]),
        formula="mean over seeds of max JSD(lambda) with TVD(lambda) <= budget, less JSD(lambda 0);"
        " lines between lambdas, chosen on dev",
        beside=("seed_baseline.tvd.mean", "hard_to_manipulate", "excess JSD"),
        traps="A weak sweep that moves no attention gives a small excess as well. A small excess "
        "says little if the imitators themselves attend differently.",
        source="this tool's own, on the adversaries of Wiegreffe & Pinter 2019, section 4",
    ),
)
