"""Metrics of the model-consistent adversary.

They speak for attention that a model cannot change without changing its answers.
"""

from __future__ import annotations

from attnaudit.questions.scores import F1_FORMULA, F1_TRAP
from attnaudit.records.metric import JSD, LEAST_MEAN, LEAST_SCORE, UNIT, MetricSpec

_PAPER = "Wiegreffe & Pinter 2019, section 4"
_STRENGTH = "adversary.model[lambda={lambda}]"
_IMITATORS = "adversary.model[lambda=0.0]"
_HALVED = (
    "The authors' code halves TVD for two classes, so its lambda and its TVD are half of ours."
)
_CURVE = (
    "It is undefined if no lambda reaches this JSD. Straight lines join the means of the "
    "lambdas, so few lambdas give a coarse curve."
)

SPECS = (
    MetricSpec(
        f"{_STRENGTH}.jsd.mean",
        "How far the attention moves in models that are trained, with lambda {lambda}, to "
        "give the same answers but attend to other words.",
        "nats",
        "lower",
        LEAST_MEAN,
        JSD,
        formula="mean over seeds and texts of JSD(attention, the audited model's attention)",
        beside=(f"{_STRENGTH}.tvd.mean", f"{_IMITATORS}.jsd.mean"),
        traps="Imitators (lambda 0) move the attention, too. Only what exceeds them is the "
        "effect of the adversary.",
        source=_PAPER,
    ),
    MetricSpec(
        f"{_STRENGTH}.tvd.mean",
        "How far the answers of these models, with lambda {lambda}, are from the answers of "
        "the audited model.",
        "total variation distance",
        "higher",
        LEAST_MEAN,
        UNIT,
        formula="mean over seeds and texts of TVD(p, p of the audited model)",
        beside=(f"{_STRENGTH}.jsd.mean", "seed_baseline.tvd.mean"),
        traps=_HALVED,
        source=_PAPER,
    ),
    MetricSpec(
        f"{_STRENGTH}.f1",
        "The F1 of these models, with lambda {lambda}, on the audited texts, as a mean over seeds.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula=F1_FORMULA,
        beside=("model.f1",),
        traps=F1_TRAP,
        source=_PAPER,
    ),
    MetricSpec(
        f"{_STRENGTH}.flips",
        "The share of texts for which these models, with lambda {lambda}, predict another "
        "class than the audited model.",
        "fraction",
        "higher",
        LEAST_MEAN,
        UNIT,
        formula="mean over seeds and texts of [argmax p differs]",
        beside=("seed_baseline.flips", f"{_IMITATORS}.flips"),
        traps="Answers near the border between two classes flip easily.",
        source="this tool's own",
    ),
    MetricSpec(
        "adversary.model.area",
        "How much the answers change when the attention is moved, up to a JSD of .4, as the "
        "area below the curve of TVD over JSD.",
        "total variation distance x nats",
        "higher",
        LEAST_MEAN,
        (0.0, 0.4),
        formula="integral from 0 to .4 of TVD(JSD), lines through (0, 0) and each lambda's means",
        beside=("adversary.model[jsd=0.4].tvd",),
        traps=_CURVE,
        source=f"{_PAPER}, who draw the curve; its area is this tool's own",
    ),
    MetricSpec(
        "adversary.model[jsd={jsd}].tvd",
        "How far the answers have moved when the attention has moved by a JSD of {jsd}.",
        "total variation distance",
        "higher",
        LEAST_MEAN,
        UNIT,
        formula="TVD at this JSD on the lines through (0, 0) and each lambda's means",
        beside=("seed_baseline.tvd.mean",),
        traps=_CURVE,
        source=f"{_PAPER}, who draw the curve; reading it off is this tool's own",
    ),
)
