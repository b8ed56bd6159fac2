"""Metrics of `correlate`."""

from __future__ import annotations

from attnaudit.questions.text_facts import no_reading
from attnaudit.records.metric import LEAST_MEAN, TAU, UNIT, Direction, MetricSpec

_PAPER = "Jain & Wallace 2019, section 4.1"
_REFERENCE = "correlate.gradient~leave_one_out"


def _agreements(placeholder: str, direction: Direction) -> list[MetricSpec]:
    """How attention agrees with what `placeholder` stands for: importances, or controls."""
    other = f"{{{placeholder}}}"
    prefix = f"correlate.{other}"
    return [
        *_taus(prefix, f"the attention and {other}", direction),
        MetricSpec(
            f"{prefix}.tau.significant_bh",
            f"The share of texts whose tau between the attention and {other} is still significant "
            "after the Benjamini-Hochberg correction for testing many texts.",
            "fraction",
            direction,
            LEAST_MEAN,
            UNIT,
            formula="k / m, k the largest with p_(k) <= .05 k / m, p_(1..m) the sorted p-values",
            beside=("correlate.random.tau.significant_bh", "Benjamini-Hochberg"),
            traps="It grows with the length of the texts, like every count of significant tests. "
            "Texts without a tau are left out.",
            source="Benjamini & Hochberg 1995",
        ),
        MetricSpec(
            f"{prefix}.weighted_tau.mean",
            f"How alike the attention and {other} rank the words, as a mean over texts of a "
            "Kendall's tau in which the top words count most.",
            "rank correlation",
            direction,
            LEAST_MEAN,
            TAU,
            formula="tau with weight 1/(r+1) + 1/(s+1) for the pair of words at ranks r and s "
            "(from 0); mean over ranks by either list",
            beside=("correlate.random.weighted_tau.mean",),
            traps="There is no simple significance test for it. For random rankings of 20 words "
            "it is 0 on average, with a standard deviation of .21.",
            source="Vigna 2015",
        ),
        MetricSpec(
            f"{prefix}.top_overlap.mean",
            f"The mean share of the top words by attention that are also top words by {other}.",
            "fraction",
            direction,
            LEAST_MEAN,
            UNIT,
            formula="mean of |top_k(attention) and top_k(other)| / k, "
            "k = max(1, ceil(top * words))",
            beside=(f"{prefix}.top_overlap.chance", "top"),
            traps="In short texts chance alone gives a large share. Words that tie for the last "
            "place count in part.",
            source="this tool's own; tied places are shared out as in random tie-breaking",
        ),
        MetricSpec(
            f"{prefix}.top_overlap.chance",
            f"The value that `{prefix}.top_overlap.mean` would have for random rankings of "
            "texts of the same lengths.",
            "fraction",
            "neutral",
            LEAST_MEAN,
            UNIT,
            formula="mean of k / words",
            beside=(f"{prefix}.top_overlap.mean",),
            traps="It depends only on the lengths of the texts and on the setting `top`.",
            source="this tool's own",
        ),
    ]


def _taus(
    prefix: str, between: str, direction: Direction, reference: bool = False
) -> list[MetricSpec]:
    floor = "correlate.random.tau"

    def beside(figure: str) -> tuple[str, ...]:
        if reference:
            return ("correlate.{importance}.tau." + figure,)
        return (f"{floor}.{figure}", f"{_REFERENCE}.tau.{figure}")

    return [
        MetricSpec(
            f"{prefix}.tau.mean",
            f"How alike {between} rank the words, as a mean over texts of Kendall's tau.",
            "rank correlation",
            direction,
            LEAST_MEAN,
            TAU,
            formula="mean of (C - D) / sqrt((P - T1)(P - T2)); C, D pairs of words in the same and "
            "in opposite order, P all pairs, T1, T2 tied pairs of each list",
            beside=beside("mean"),
            traps="It counts words that matter little as much as all others. A gradient with "
            "attention held fixed contains the attention weight as a factor, which makes "
            "tau larger.",
            source=f"{_PAPER}; Kendall 1970 for tau-b",
        ),
        MetricSpec(
            f"{prefix}.tau.std",
            f"How much Kendall's tau between {between} differs from text to text, as a standard "
            "deviation.",
            "rank correlation",
            "neutral",
            LEAST_MEAN,
            (0.0, None),
            formula="sqrt(sum (tau - mean tau)^2 / (n - 1))",
            beside=(f"{prefix}.tau.mean",),
            traps="Short texts make it large by chance alone.",
            source=_PAPER,
        ),
        MetricSpec(
            f"{prefix}.tau.significant",
            f"The share of texts in which the tau between {between} differs from 0 with a "
            "p-value of at most .05.",
            "fraction",
            direction,
            LEAST_MEAN,
            UNIT,
            formula="mean of [p <= .05], two-sided",
            beside=beside("significant"),
            traps="It grows with the length of the texts: below 5 words it is always 0, and in "
            "long texts even a tiny tau is significant.",
            source=_PAPER,
        ),
    ]


SPECS = (
    no_reading("correlate"),
    *_agreements("importance", "higher"),
    *_agreements("control", "neutral"),
    *_agreements("attribution", "higher"),
    # Importance against importance is the reference that attention's agreement is read against.
    *_taus("correlate.{a~b}", "two importances, {a~b}", "neutral", reference=True),
    *_taus(
        "correlate.{first}~{attribution}",
        "two importances, {first} and {attribution}",
        "neutral",
        reference=True,
    ),
    MetricSpec(
        "correlate.{integral}.completeness_error.mean",
        "How far the scores of {integral} miss the sum that theory demands, as a mean over "
        "texts: the change of the explained probability from the baseline to the text.",
        "probability",
        "lower",
        LEAST_MEAN,
        (0.0, None),
        formula="mean of |sum_t IG_t - (p(x) - p(baseline))|, IG_t with its sign",
        beside=("correlate.{integral}.undefined",),
        traps="It checks the numerical integral, not the explanation. Errors of several words "
        "can cancel. Texts whose scores are undefined are left out.",
        source="Sundararajan et al. 2017, section 3 (completeness)",
    ),
    MetricSpec(
        "correlate.{integral}.gradients.mean",
        "How many gradients the scores of {integral} needed, as a mean over texts.",
        "gradients",
        "neutral",
        LEAST_MEAN,
        (0.0, None),
        formula="mean of the points on the path at which the gradient was taken",
        beside=("correlate.{integral}.undefined",),
        traps="Undefined texts count, too. Many gradients only mean that the answer changes "
        "abruptly on the path from the baseline to the text.",
        source="this tool's own",
    ),
    MetricSpec(
        "correlate.{integral}.undefined",
        "The share of texts for which {integral} is undefined, because the integral did not "
        "converge or a gradient was not finite.",
        "fraction",
        "lower",
        LEAST_MEAN,
        UNIT,
        formula="mean of [the scores of the text are undefined]",
        beside=("correlate.{integral}.gradients.mean",),
        traps="These texts are left out of all other figures of {integral}, and they may "
        "differ from the rest.",
        source="this tool's own",
    ),
)
