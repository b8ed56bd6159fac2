"""Metrics of the adversary per instance.

None of them speaks for or against attention on its own: weights detached from the model saturate
with length and confidence.
"""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, UNIT, MetricSpec


def _instance(prefix: str, epsilon: str) -> list[MetricSpec]:
    """The figures per instance at one epsilon."""
    jsd = f"{prefix}.jsd.mean"
    return [
        MetricSpec(
            jsd,
            "Mean over instances of the Jensen-Shannon divergence between the model's attention "
            "and the weights farthest from it that were found to keep the answer within "
            f"{epsilon}, in total variation distance (Jain & Wallace 2019, section 4.2.2). Exact "
            "for two classes and a linear readout, else a lower bound.",
            "nats",
            "neutral",
            LEAST_MEAN,
            JSD,
        ),
        MetricSpec(
            f"{prefix}.relative_mean",
            "Mean over instances of that divergence, over the largest that any weights attain on "
            "the instance whatever the answer.",
            "fraction",
            "neutral",
            LEAST_MEAN,
            UNIT,
        ),
        MetricSpec(
            f"{prefix}.upper.mean",
            f"Mean over instances of a divergence that no weights within {epsilon} exceed: equal "
            f"to {jsd} where that is exact.",
            "nats",
            "neutral",
            LEAST_MEAN,
            JSD,
        ),
        MetricSpec(
            f"{prefix}.no_alternative",
            f"Share of instances on which no weights within {epsilon} diverge by .01 nats: "
            "counted by the upper bound, so that a search that finds nothing does not count.",
            "fraction",
            "neutral",
            LEAST_MEAN,
            UNIT,
        ),
        MetricSpec(
            f"{prefix}.tvd.mean",
            "Mean over instances of the total variation distance between the answers under the "
            "weights found and under the model's own.",
            "total variation distance",
            "neutral",
            LEAST_MEAN,
            UNIT,
        ),
        MetricSpec(
            f"{prefix}.logit_change.mean",
            "Mean over instances of the absolute change in the log-odds of the predicted class "
            "under the weights found. Large beside a small distance between the answers where the "
            "model is very sure.",
            "log-odds",
            "neutral",
            LEAST_MEAN,
            (0.0, None),
        ),
        MetricSpec(
            f"{prefix}.exact",
            "Share of instances on which the divergence found is the maximum, not a lower bound.",
            "fraction",
            "neutral",
            LEAST_MEAN,
            UNIT,
        ),
    ]


SPECS = (
    *_instance("adversary.instance", "the first epsilon of the settings"),
    *_instance("adversary.instance[epsilon={epsilon}]", "that epsilon"),
    MetricSpec(
        "adversary.search.jsd.mean",
        "Mean over instances of the largest divergence that the relaxed search of Jain & Wallace "
        "(2019) found within the first epsilon, 0 where it found none.",
        "nats",
        "neutral",
        LEAST_MEAN,
        JSD,
    ),
    MetricSpec(
        "adversary.search.feasible",
        "Share of instances on which at least one alternative of that search kept the answer "
        "within epsilon.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
    ),
)
