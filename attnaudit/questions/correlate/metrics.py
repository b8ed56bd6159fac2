"""Metrics of `correlate`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, TAU, UNIT, Direction, MetricSpec


def _agreements(placeholder: str, direction: Direction) -> list[MetricSpec]:
    """How attention agrees with what `placeholder` stands for: importances, or controls."""
    other = f"{{{placeholder}}}"
    prefix = f"correlate.{other}"
    return [
        *_taus(prefix, f"attention and {other}", direction),
        MetricSpec(
            f"{prefix}.tau.significant_bh",
            f"Share of instances whose tau between attention and {other} is a discovery under "
            "Benjamini & Hochberg (1995) at a false discovery rate of .05.",
            "fraction",
            direction,
            LEAST_MEAN,
            UNIT,
        ),
        MetricSpec(
            f"{prefix}.weighted_tau.mean",
            f"Mean over instances of Kendall's tau between attention and {other}, with each pair "
            "of tokens weighted hyperbolically by rank, so that the top of the ranking counts "
            "most (Vigna 2015).",
            "rank correlation",
            direction,
            LEAST_MEAN,
            TAU,
        ),
        MetricSpec(
            f"{prefix}.top_overlap.mean",
            f"Mean share of the top tokens by attention that are also top tokens by {other}.",
            "fraction",
            direction,
            LEAST_MEAN,
            UNIT,
        ),
        MetricSpec(
            f"{prefix}.top_overlap.chance",
            f"What {prefix}.top_overlap.mean would be for random rankings of the same lengths.",
            "fraction",
            "neutral",
            LEAST_MEAN,
            UNIT,
        ),
    ]


def _taus(prefix: str, between: str, direction: Direction) -> list[MetricSpec]:
    return [
        MetricSpec(
            f"{prefix}.tau.mean",
            f"Mean over instances of Kendall's tau-b between {between} "
            "(Jain & Wallace 2019, section 4.1).",
            "rank correlation",
            direction,
            LEAST_MEAN,
            TAU,
        ),
        MetricSpec(
            f"{prefix}.tau.std",
            f"Standard deviation over instances of Kendall's tau-b between {between}.",
            "rank correlation",
            "neutral",
            LEAST_MEAN,
            (0.0, None),
        ),
        MetricSpec(
            f"{prefix}.tau.significant",
            f"Share of instances whose tau between {between} has p <= .05, two-sided. It grows "
            "with the length of the texts.",
            "fraction",
            direction,
            LEAST_MEAN,
            UNIT,
        ),
    ]


SPECS = (
    *_agreements("importance", "higher"),
    *_agreements("control", "neutral"),
    # Importance against importance is the reference that attention's agreement is read against.
    *_taus("correlate.{a~b}", "two importances, {a~b}", "neutral"),
    MetricSpec(
        "correlate.integrated_gradients.completeness_error.mean",
        "Mean over instances of the absolute gap between the summed attributions and the change "
        "in the explained probability that they should add up to (completeness: Sundararajan et "
        "al. 2017, section 3).",
        "probability",
        "lower",
        LEAST_MEAN,
        (0.0, None),
    ),
)
