"""Metrics of the adversary per instance.

None of them speaks for or against attention on its own: weights detached from the model saturate
with length and confidence.
"""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, UNIT, MetricSpec

_PAPER = "Jain & Wallace 2019, section 4.2.2"
_DETACHED = (
    "The weights are detached from the model, which may never compute them. The figure grows with "
    "the length of the texts and with the confidence of the model."
)


def _instance(prefix: str, epsilon: str) -> list[MetricSpec]:
    """The figures per instance at one epsilon."""

    def spec(
        name: str,
        definition: str,
        formula: str,
        beside: tuple[str, ...],
        traps: str = _DETACHED,
        unit: str = "fraction",
        bounds: tuple[float | None, float | None] = UNIT,
        source: str = _PAPER,
    ) -> MetricSpec:
        return MetricSpec(
            f"{prefix}.{name}",
            definition,
            unit,
            "neutral",
            LEAST_MEAN,
            bounds,
            formula=formula,
            beside=tuple(f"{prefix}.{other}" for other in beside),
            traps=traps,
            source=source,
        )

    return [
        spec(
            "jsd.mean",
            "How far attention weights can lie from the model's on average, while the answer to "
            f"the text moves by at most {epsilon}.",
            "mean of max JSD(b, a) over weights b with TVD(p(b), p(a)) <= epsilon",
            ("relative_mean", "exact"),
            f"{_DETACHED} With a readout that is not linear, or more than two classes, it is a "
            "lower bound.",
            unit="nats",
            bounds=JSD,
        ),
        spec(
            "relative_mean",
            f"The share of the largest possible divergence that weights reach within {epsilon}.",
            "mean of JSD / cap, cap = ln 2 + (m ln m - (1 + m) ln(1 + m)) / 2, m the least weight",
            ("jsd.mean",),
            source=f"{_PAPER}; the division by the largest value is this tool's own",
        ),
        spec(
            "upper.mean",
            f"A bound, on average, that the divergence of no weights exceeds within {epsilon}.",
            "mean of a bound on max JSD; equal to it where that is exact",
            ("jsd.mean",),
            "With a readout that is not linear it is only the largest divergence whatever the "
            "answer.",
            unit="nats",
            bounds=JSD,
            source="this tool's own",
        ),
        spec(
            "no_alternative",
            f"The share of texts on which no weights within {epsilon} differ from the model's.",
            "mean of [upper bound of JSD < .01]",
            ("upper.mean",),
            "It counts by the upper bound, so that a search which finds nothing does not count.",
            source="this tool's own",
        ),
        spec(
            "tvd.mean",
            "How far the answers are on average under the weights found from those under the "
            "model's own weights.",
            "mean of TVD(p(b), p(a))",
            ("logit_change.mean",),
            "It is small by construction: the search allows epsilon at most.",
            unit="total variation distance",
        ),
        spec(
            "logit_change.mean",
            "How far the log-odds of the predicted class move on average under the weights found.",
            "mean of |log-odds_j(b) - log-odds_j(a)|, j the predicted class",
            ("tvd.mean",),
            "Where a model is very sure its log-odds may move far although the answer stays.",
            unit="log-odds",
            bounds=(0.0, None),
            source="this tool's own",
        ),
        spec(
            "exact",
            "The share of texts on which the divergence found is the true maximum, and not only a "
            "lower bound.",
            "mean of [bound = exact]",
            ("jsd.mean", "upper.mean"),
            "It says how the figure was found, nothing about attention.",
            source="this tool's own",
        ),
    ]


SPECS = (
    *_instance("adversary.instance", "the first epsilon of the settings"),
    *_instance("adversary.instance[epsilon={epsilon}]", "{epsilon}"),
    MetricSpec(
        "adversary.search.jsd.mean",
        "How far the 500-step search of Jain & Wallace moves the attention on average, while the "
        "answer moves by at most the first epsilon.",
        "nats",
        "neutral",
        LEAST_MEAN,
        JSD,
        formula="mean of the largest JSD(b, a) among alternatives with TVD <= epsilon; 0 if none",
        beside=("adversary.instance.jsd.mean",),
        traps=f"A search can miss what the exact method finds. {_DETACHED}",
        source=_PAPER,
    ),
    MetricSpec(
        "adversary.search.feasible",
        "The share of texts on which that search finds at least one alternative that keeps the "
        "answer within epsilon.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of [some alternative with TVD <= epsilon]",
        beside=("adversary.search.jsd.mean",),
        traps="A failed search does not show that there is no alternative.",
        source=_PAPER,
    ),
)
