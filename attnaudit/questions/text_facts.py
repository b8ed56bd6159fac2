"""Metrics of the audited texts, and of where the attention on them lies."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, UNIT, MetricSpec

OUTSIDE = "attention.outside"
NO_READING = ".no_reading"  # how the metric of a question is called
SHORT = "texts.too_short_for_tau"
TAU_WORDS = 5  # the fewest words of which a tau can have a p-value of at most .05


def no_reading(question: str) -> MetricSpec:
    """The metric of the texts that the reading of the attention is undefined for."""
    return MetricSpec(
        f"{question}{NO_READING}",
        "The share of the texts that the reading of the attention is undefined for.",
        "fraction",
        "lower",
        LEAST_MEAN,
        UNIT,
        formula="mean of [the reading of the text is undefined]",
        beside=("reading",),
        traps="All figures that compare rankings leave out these texts, which may differ from the "
        "rest: often they are the longest. Only reports on readings that look at more than the "
        "weights have this figure. Other readings are never undefined.",
        source="this tool's own",
    )


SPECS = (
    MetricSpec(
        OUTSIDE,
        "The share of the audited attention that does not lie on the words of the text.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts of 1 - sum of the weights on the content, mean of the heads",
        beside=("outside", "content positions"),
        traps="It is left out if no weight lies outside. If it is large, a heatmap shows only a "
        "small part of the attention.",
        source="this tool's own",
    ),
    MetricSpec(
        SHORT,
        f"The share of the texts that have fewer than {TAU_WORDS} words.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula=f"mean of [words < {TAU_WORDS}]",
        beside=("correlate.{importance}.tau.significant",),
        traps="No tau of such a text can be significant, even if two rankings agree fully.",
        source="this tool's own",
    ),
)
