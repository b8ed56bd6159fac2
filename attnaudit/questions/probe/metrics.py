"""Metrics of `probe`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, LEAST_SCORE, UNIT, Direction, MetricSpec

_PAPER = "Wiegreffe & Pinter 2019, section 3.4"
_OWN = "this tool's own"
_REMOVAL = f"{_OWN}; removal in training as in Hooker et al. 2019, section 3"
_NOT_FAITHFUL = "A gap shows use to another model, not how the audited model works."
_ANY_SCORE = "It is macro-F1 unless `--score` names another."


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
        f"probe.{ours}-{theirs}.score_gap",
        definition,
        "fraction",
        direction,
        LEAST_SCORE,
        (-1.0, 1.0),
        formula=f"mean over seeds of score({ours}) - score({theirs}), same seed",
        beside=beside,
        traps=traps,
        source=source,
    )


def _score(name: str, definition: str, beside: tuple[str, ...], source: str) -> MetricSpec:
    return MetricSpec(
        f"probe.{name}.score",
        f"{definition}; mean over seeds.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula="mean over seeds of the score that the settings name",
        beside=beside,
        traps=_ANY_SCORE,
        source=source,
    )


SPECS = (
    _score(
        "removed_attended",
        "The score of models of the audited recipe that learn from texts without the attended"
        " words",
        ("probe.leak.score_gap", "leak control"),
        _REMOVAL,
    ),
    _score(
        "removed_other",
        "The score of models of the audited recipe that learn from texts without as many other"
        " words, drawn at random",
        ("probe.leak.score_gap", "leak control"),
        _REMOVAL,
    ),
    MetricSpec(
        "probe.leak.score_gap",
        "How much more a model of the recipe loses without the attended words than without as many"
        " other words.",
        "fraction",
        "higher",
        LEAST_SCORE,
        (-1.0, 1.0),
        formula="mean over seeds of score(removed_other) - score(removed_attended), same seed",
        beside=("probe.removed_other.score", "probe.leak.whole", "leak control"),
        traps="Near 0 the evidence may stand twice in the text. It does not see attention that lies"
        " beside the evidence; base less uniform does.",
        source=_REMOVAL,
    ),
    MetricSpec(
        "probe.leak.whole",
        "The share of texts that are too short for the leak control: no word is removed from them.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="texts of fewer than 5 words / all texts",
        beside=("probe.leak.score_gap",),
        traps="Where it is large the leak control compares models of nearly the same texts.",
        source=_OWN,
    ),
    _score(
        "{guide}",
        "The score of a classifier that sees each word by itself and must attend as the guide"
        " {guide} says",
        ("probe.uniform.score",),
        _PAPER,
    ),
    _gap(
        "base",
        "uniform",
        "How much better a probe does under the audited model's attention than under uniform"
        " attention.",
        "higher",
        ("probe.leak.score_gap", "out_of_context"),
        "Attention that spells the label out helps a probe too; the leak control tells.",
    ),
    _gap(
        "base",
        "trained",
        "How much better a probe does under the audited model's attention than with attention that"
        " it learns itself.",
        "neutral",
        ("probe.base-uniform.score_gap", "probe.trained-uniform.score_gap"),
    ),
    _gap(
        "trained",
        "uniform",
        "How much better a probe does with attention that it learns itself than under uniform"
        " attention.",
        "neutral",
        ("probe.base-uniform.score_gap",),
        "Near 0 a model without context cannot use attention in this task at all.",
    ),
    _gap(
        "base",
        "shuffled",
        "How much better a probe does under the audited model's attention than under the same"
        " weights, shuffled within each text.",
        "higher",
        ("probe.base-uniform.score_gap", "shuffled guide"),
        "Near 0 it helps that the weights are uneven, and not on which words they lie.",
        _OWN,
    ),
    _gap(
        "base",
        "untrained",
        "How much better a probe does under the audited model's attention than under that of the"
        " model before its training.",
        "higher",
        ("probe.base-uniform.score_gap", "untrained guide"),
        "Near 0 the training has taught the attention nothing that helps. The untrained attention"
        " of a pretrained recipe is that of the pretrained model.",
        _OWN,
    ),
    _gap(
        "base",
        "position",
        "How much better a probe does under the audited model's attention than under its mean at"
        " each place of a text.",
        "higher",
        ("probe.base-uniform.score_gap", "position guide"),
        "Near 0 it helps at which place the weights lie, whatever word stands there.",
        _OWN,
    ),
    _gap(
        "{guide}",
        "uniform",
        "How much better a probe does under the attention of the checkpoint {guide} than under"
        " uniform attention.",
        "neutral",
        ("probe.base-uniform.score_gap",),
    ),
    _gap(
        "base",
        "{guide}",
        "How much better a probe does under the audited model's attention than under that of the"
        " checkpoint {guide}.",
        "neutral",
        ("probe.{guide}-uniform.score_gap",),
        "Near 0 attention that was trained to be different serves the probe as well.",
    ),
)
