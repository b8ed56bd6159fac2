"""Metrics of `adversary`.

None of the figures per instance speaks for or against attention on its own: weights detached from
the model saturate with length and confidence. Of the trained adversaries, those speak for attention
that must change their answers much to attend otherwise.
"""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, LEAST_SCORE, UNIT, MetricSpec


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
    MetricSpec(
        "adversary.model[lambda={lambda}].jsd.mean",
        "Mean over seeds and instances of the Jensen-Shannon divergence between the attention of "
        "models trained to answer alike and attend otherwise, with this weight on the divergence, "
        "and the audited model's (Wiegreffe & Pinter 2019, section 4). Lambda 0 gives imitators.",
        "nats",
        "lower",
        LEAST_MEAN,
        JSD,
    ),
    MetricSpec(
        "adversary.model[lambda={lambda}].tvd.mean",
        "Mean over seeds and instances of the total variation distance between the answers of "
        "those models and the audited model's: twice the authors' figure for two classes.",
        "total variation distance",
        "higher",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "adversary.model[lambda={lambda}].f1",
        "F1 of those models, of the positive class or macro-averaged as for the audited model; "
        "mean over seeds.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
    ),
    MetricSpec(
        "adversary.model[lambda={lambda}].flips",
        "Share of instances on which those models predict another class than the audited one; "
        "mean over seeds.",
        "fraction",
        "higher",
        LEAST_MEAN,
        UNIT,
    ),
    MetricSpec(
        "adversary.model.area",
        "Area below the curve of total variation distance over Jensen-Shannon divergence, up to a "
        "divergence of .4: straight lines from the audited model, at (0, 0), through the means of "
        "each lambda in the order of their divergence. Undefined if none reaches .4.",
        "total variation distance x nats",
        "higher",
        LEAST_MEAN,
        (0.0, 0.4),
    ),
    MetricSpec(
        "adversary.model[jsd={jsd}].tvd",
        "Total variation distance of that curve at this Jensen-Shannon divergence: what attention "
        "so different costs. Undefined if no lambda reaches it.",
        "total variation distance",
        "higher",
        LEAST_MEAN,
        UNIT,
    ),
)
