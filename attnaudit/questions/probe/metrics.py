"""Metrics of `probe`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, LEAST_SCORE, UNIT, Direction, MetricSpec

_PAPER = "Wiegreffe & Pinter 2019, section 3.4"
_OWN = "this tool's own"
_REMOVAL = f"{_OWN}; removal in training as in Hooker et al. 2019, section 3"
_NOT_FAITHFUL = (
    "The difference shows how useful the weights are to another model, not how the audited model "
    "works."
)
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
        "The score of models of the audited recipe that are trained on texts without the "
        "attended words",
        ("probe.leak.score_gap", "leak control"),
        _REMOVAL,
    ),
    _score(
        "removed_other",
        "The score of models of the audited recipe that are trained on texts without the same "
        "number of other words, drawn at random",
        ("probe.leak.score_gap", "leak control"),
        _REMOVAL,
    ),
    MetricSpec(
        "probe.leak.score_gap",
        "How much more a model of the recipe loses when the attended words are removed from "
        "the training texts than when as many other words are.",
        "fraction",
        "higher",
        LEAST_SCORE,
        (-1.0, 1.0),
        formula="mean over seeds of score(removed_other) - score(removed_attended), same seed",
        beside=("probe.removed_other.score", "probe.leak.whole", "leak control"),
        traps="Near 0 the evidence may occur twice in the text. It cannot detect attention that "
        "lies next to the evidence; probe.base-uniform.score_gap can.",
        source=_REMOVAL,
    ),
    MetricSpec(
        "probe.leak.whole",
        "The share of texts that are too short for the leak control, so no word is removed "
        "from them.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="texts of fewer than 5 words / all texts",
        beside=("probe.leak.score_gap",),
        traps="If it is large, the leak control compares models that were trained on nearly the "
        "same texts.",
        source=_OWN,
    ),
    _score(
        "{guide}",
        "The score of a probe: a classifier that sees each word by itself and must use the "
        "weights of the guide {guide}",
        ("probe.uniform.score",),
        _PAPER,
    ),
    _gap(
        "base",
        "uniform",
        "How much better a probe scores with the audited model's weights than with uniform "
        "weights.",
        "higher",
        ("probe.leak.score_gap", "out_of_context"),
        "Attention that gives the label away helps a probe, too. The leak control can detect this.",
    ),
    _gap(
        "base",
        "trained",
        "How much better a probe scores with the audited model's weights than with weights "
        "that it learns itself.",
        "neutral",
        ("probe.base-uniform.score_gap", "probe.trained-uniform.score_gap"),
    ),
    _gap(
        "trained",
        "uniform",
        "How much better a probe scores with weights that it learns itself than with uniform "
        "weights.",
        "neutral",
        ("probe.base-uniform.score_gap",),
        "Near 0 a model without context cannot make use of attention in this task.",
    ),
    _gap(
        "base",
        "shuffled",
        "How much better a probe scores with the audited model's weights than with the same "
        "weights, shuffled within each text.",
        "higher",
        ("probe.base-uniform.score_gap", "shuffled guide"),
        "Near 0 it only matters how uneven the weights are, not which words have them.",
        _OWN,
    ),
    _gap(
        "base",
        "untrained",
        "How much better a probe scores with the audited model's weights than with those of "
        "the model before its training.",
        "higher",
        ("probe.base-uniform.score_gap", "untrained guide"),
        "Near 0, training taught the attention nothing that helps a probe. For a fine-tuned "
        "model, untrained means pretrained, but not yet fine-tuned.",
        _OWN,
    ),
    _gap(
        "base",
        "position",
        "How much better a probe scores with the audited model's weights than with their mean "
        "at each position of a text.",
        "higher",
        ("probe.base-uniform.score_gap", "position guide"),
        "Near 0 only the positions of the weights matter, not the words there.",
        _OWN,
    ),
    _gap(
        "{guide}",
        "uniform",
        "How much better a probe scores with the weights of the checkpoint {guide} than with "
        "uniform weights.",
        "neutral",
        ("probe.base-uniform.score_gap",),
    ),
    _gap(
        "base",
        "{guide}",
        "How much better a probe scores with the audited model's weights than with those of "
        "the checkpoint {guide}.",
        "neutral",
        ("probe.{guide}-uniform.score_gap",),
        "Near 0, attention that was trained to be different helps the probe as much.",
    ),
)
