"""Metrics of the adversary per instance.

None of them speaks for or against attention on its own: weights detached from the model saturate
with length and confidence.
"""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, UNIT, MetricSpec

_PAPER = "Jain & Wallace 2019, section 4.2.2"
_DETACHED = (
    "The weights do not come from the model, which may never compute them. The figure grows "
    "with the length of the texts and the confidence of the model."
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
            "How far attention weights can be from the model's own, while the answer to the "
            f"text moves by at most {epsilon}, as a mean over texts.",
            "mean of max JSD(b, a) over weights b with TVD(p(b), p(a)) <= epsilon",
            ("relative_mean", "exact"),
            f"{_DETACHED} With more than two classes, or a readout that is not linear, it is a "
            "lower bound.",
            unit="nats",
            bounds=JSD,
        ),
        spec(
            "relative_mean",
            f"The JSD of the weights found within {epsilon}, as a share of the largest JSD that "
            "any weights can have in that text.",
            "mean of JSD / cap, cap = ln 2 + (m ln m - (1 + m) ln(1 + m)) / 2, m the least weight",
            ("jsd.mean",),
            source=f"{_PAPER}; the division by the largest value is this tool's own",
        ),
        spec(
            "upper.mean",
            "An upper bound, as a mean over texts: no weights that move the answer by at most "
            f"{epsilon} lie farther from the model's.",
            "mean of a bound on max JSD; equal to it where that is exact",
            ("jsd.mean",),
            "With a readout that is not linear it is only the largest JSD of any weights, even "
            "of those that change the answer.",
            unit="nats",
            bounds=JSD,
            source="this tool's own",
        ),
        spec(
            "no_alternative",
            f"The share of texts in which all weights that move the answer by at most {epsilon} "
            "are nearly the model's own.",
            "mean of [upper bound of JSD < .01]",
            ("upper.mean",),
            "It uses the upper bound, so a text does not count merely because a search found "
            "nothing.",
            source="this tool's own",
        ),
        spec(
            "tvd.mean",
            "How far the answers move under the weights found, as a mean over texts.",
            "mean of TVD(p(b), p(a))",
            ("logit_change.mean",),
            "It is small by construction: the search allows epsilon at most.",
            unit="total variation distance",
        ),
        spec(
            "logit_change.mean",
            "How far the log-odds of the predicted class move under the weights found, as a "
            "mean over texts.",
            "mean of |log-odds_j(b) - log-odds_j(a)|, j the predicted class",
            ("tvd.mean",),
            "If a model is very sure, its log-odds may move far although the answer stays the "
            "same.",
            unit="log-odds",
            bounds=(0.0, None),
            source="this tool's own",
        ),
        spec(
            "exact",
            "The share of texts in which the JSD found is the exact maximum and not only a "
            "lower bound.",
            "mean of [bound = exact]",
            ("jsd.mean", "upper.mean"),
            "It says how the figure was found. It says nothing about attention.",
            source="this tool's own",
        ),
    ]


SPECS = (
    *_instance("adversary.instance", "the first epsilon of the settings"),
    *_instance("adversary.instance[epsilon={epsilon}]", "{epsilon}"),
    MetricSpec(
        "adversary.search.jsd.mean",
        "How far the 500-step search of Jain & Wallace moves the attention, while the answer "
        "moves by at most the first epsilon, as a mean over texts.",
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
        "The share of texts in which the search of Jain & Wallace finds weights that move the "
        "answer by at most epsilon.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of [some alternative with TVD <= epsilon]",
        beside=("adversary.search.jsd.mean",),
        traps="If the search fails, such weights may still exist.",
        source=_PAPER,
    ),
)
