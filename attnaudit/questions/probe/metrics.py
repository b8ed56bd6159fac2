"""Metrics of `probe`."""

from __future__ import annotations

from attnaudit.questions.scores import F1_FORMULA, F1_TRAP
from attnaudit.records.metric import LEAST_SCORE, UNIT, Direction, MetricSpec

_PAPER = "Wiegreffe & Pinter 2019, section 3.4"
_NOT_FAITHFUL = "A gap shows use to another model, not how the audited model works."


def _gap(
    ours: str,
    theirs: str,
    definition: str,
    direction: Direction,
    beside: tuple[str, ...],
    traps: str = _NOT_FAITHFUL,
    source: str = _PAPER,
) -> MetricSpec:
    return MetricSpec(
        f"probe.{ours}-{theirs}.f1_gap",
        definition,
        "fraction",
        direction,
        LEAST_SCORE,
        (-1.0, 1.0),
        formula=f"mean over seeds of F1({ours}) - F1({theirs}), same seed",
        beside=beside,
        traps=traps,
        source=source,
    )


SPECS = (
    MetricSpec(
        "probe.{guide}.f1",
        "The F1 of a classifier that sees each word by itself and must attend as the guide {guide} "
        "says; mean over seeds.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula=F1_FORMULA,
        beside=("probe.uniform.f1", "probe.leak.f1"),
        traps=f"The guide `leak` is a control and sees only what the attention leaves. {F1_TRAP}",
        source=_PAPER,
    ),
    _gap(
        "base",
        "uniform",
        "How much better a probe does under the audited model's attention than under uniform "
        "attention.",
        "higher",
        ("probe.base-leak.f1_gap", "out_of_context"),
        "Attention that spells the label out by its place helps a probe too; the leak control "
        "tells.",
    ),
    _gap(
        "base",
        "leak",
        "How much better a probe does under the audited model's attention than a model that does "
        "not see the attended words.",
        "higher",
        ("probe.base-uniform.f1_gap", "leak control"),
        "Where the recipe is pretrained the control knows more words than a probe, and a gap below "
        "0 says nothing.",
        "this tool's own; hiding as in Hooker et al. 2019, section 3",
    ),
    _gap(
        "base",
        "trained",
        "How much better a probe does under the audited model's attention than with attention that "
        "it learns itself.",
        "neutral",
        ("probe.base-uniform.f1_gap", "probe.trained-uniform.f1_gap"),
    ),
    _gap(
        "trained",
        "uniform",
        "How much better a probe does with attention that it learns itself than under uniform "
        "attention.",
        "neutral",
        ("probe.base-uniform.f1_gap",),
        "Near 0 a model without context cannot use attention in this task at all.",
    ),
    _gap(
        "{guide}",
        "uniform",
        "How much better a probe does under the attention of the checkpoint {guide} than under "
        "uniform attention.",
        "neutral",
        ("probe.base-uniform.f1_gap",),
    ),
    _gap(
        "base",
        "{guide}",
        "How much better a probe does under the audited model's attention than under that of the "
        "checkpoint {guide}.",
        "neutral",
        ("probe.{guide}-uniform.f1_gap",),
    ),
)
