"""Metrics of `permute`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, UNIT, MetricSpec

SPECS = (
    MetricSpec(
        "permute.tvd.median",
        "Median over instances of the median, over random permutations of the attention weights, "
        "of the total variation distance between the answer under permuted weights and the answer "
        "(Jain & Wallace 2019, section 4.2.1).",
        "total variation distance",
        "higher",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "permute.tvd.mean",
        "Mean over instances of the same medians.",
        "total variation distance",
        "higher",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "permute.unmoved",
        "Share of instances whose median total variation distance under permuted attention is "
        "below .05: their answer hardly depends on which word has which weight.",
        "fraction",
        "lower",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "permute.all_erased.tvd.mean",
        "Mean over instances of the total variation distance between the answer with all content "
        "weights at 0 and the answer: a control. Near 0 the answer goes around the attention, and "
        "permuting cannot matter.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "permute.conicity.mean",
        "Mean over instances of the conicity of the states, the mean absolute cosine of a state "
        "with their mean (Mohankumar et al. 2020). Near 1, permuting cannot matter.",
        "cosine",
        "neutral",
        LEAST_MEAN,
        UNIT,
    ),
)
