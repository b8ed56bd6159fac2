"""Metrics of the model-consistent adversary.

They speak for attention that a model cannot change without changing its answers.
"""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, LEAST_SCORE, UNIT, MetricSpec

SPECS = (
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
