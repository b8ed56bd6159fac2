"""Metrics of `probe`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_SCORE, UNIT, Direction, MetricSpec


def _gap(pair: str, definition: str, direction: Direction) -> MetricSpec:
    return MetricSpec(
        f"probe.{pair}.f1_gap", definition, "fraction", direction, LEAST_SCORE, (-1.0, 1.0)
    )


SPECS = (
    MetricSpec(
        "probe.{guide}.f1",
        "Mean over seeds of the F1 of a classifier without context whose attention is that of "
        "{guide}: uniform, trained (its own), base (the audited model's), leak (a model of the "
        "audited recipe that does not see the attended words), or a checkpoint given by name "
        "(Wiegreffe & Pinter 2019, section 3.4). F1 is that of the positive (last) class where "
        "there are two classes, else the unweighted mean over classes.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
    ),
    _gap(
        "base-uniform",
        "F1 of probes guided by the audited model's attention less F1 of probes guided by uniform "
        "attention, paired by seed, mean over seeds.",
        "higher",
    ),
    _gap(
        "base-leak",
        "F1 of probes guided by the audited model's attention less F1 of the leak control, a "
        "model of the audited recipe that does not see the words attended to, paired by seed, "
        "mean over seeds.",
        "higher",
    ),
    _gap(
        "base-trained",
        "F1 of probes guided by the audited model's attention less F1 of probes that learn their "
        "own, paired by seed, mean over seeds.",
        "neutral",
    ),
    _gap(
        "trained-uniform",
        "F1 of probes that learn their own attention less F1 of probes guided by uniform "
        "attention, paired by seed, mean over seeds.",
        "neutral",
    ),
    _gap(
        "{guide}-uniform",
        "F1 of probes guided by the attention of the checkpoint {guide} less F1 of probes guided "
        "by uniform attention, paired by seed, mean over seeds.",
        "neutral",
    ),
    _gap(
        "base-{guide}",
        "F1 of probes guided by the audited model's attention less F1 of probes guided by that of "
        "the checkpoint {guide}, paired by seed, mean over seeds.",
        "neutral",
    ),
)
