"""Metrics of `seed-baseline`."""

from __future__ import annotations

from attnaudit.questions.scores import F1_FORMULA, F1_TRAP
from attnaudit.records.metric import JSD, LEAST_MEAN, LEAST_SCORE, UNIT, Direction, MetricSpec

_SEEDS = "Wiegreffe & Pinter 2019, section 3.3"
_UNIFORM = "Wiegreffe & Pinter 2019, section 3.2"
_PRETRAINED = (
    "Seeds of a pretrained model share most of their weights, so they differ less than models "
    "trained from scratch."
)


def _jsd(
    name: str,
    definition: str,
    direction: Direction,
    formula: str,
    beside: tuple[str, ...],
    traps: str,
    source: str = _SEEDS,
) -> MetricSpec:
    return MetricSpec(
        f"seed_baseline.{name}",
        definition,
        "nats",
        direction,
        LEAST_MEAN,
        JSD,
        formula=formula,
        beside=beside,
        traps=traps,
        source=source,
    )


_SCORE = "macro-F1: mean over classes of 2 tp / (2 tp + fp + fn); or the --score"


_CONTEXT = "after Vashishth et al. 2019"
_SOURCES = {"peaked": "this tool's own", "random": _CONTEXT, "reordered": _CONTEXT}


def _score_of(name: str, attention: str, traps: str) -> MetricSpec:
    return MetricSpec(
        f"necessity.{name}_score.mean",
        f"The score (macro-F1 unless you ask for another) of models with {attention}, trained "
        "until they stop improving, as a mean over seeds.",
        "fraction",
        "higher" if name == "learned" else "neutral",
        LEAST_SCORE,
        UNIT,
        formula=_SCORE,
        beside=("necessity.score_gap", "necessity.peaked_gap"),
        traps=traps,
        source=_SOURCES.get(name, _UNIFORM),
    )


def _gap(name: str, other: str, attention: str, traps: str) -> MetricSpec:
    return MetricSpec(
        f"necessity.{name}",
        f"How much better models with learned attention score than models with {attention}, "
        "when both are trained until they stop improving.",
        "fraction",
        "higher",
        LEAST_SCORE,
        (-1.0, 1.0),
        formula=f"mean over seeds of score(learned) - score({other}), same seed; score: macro-F1, "
        "or the --score",
        beside=(f"necessity.{other}_score.mean", "necessary"),
        traps=traps,
        source=f"{_UNIFORM}; training until it stops is this tool's own",
    )


_CONTROLS = {
    "erased": "all attention weights on the content are set to 0",
    "uniform_layers": "the attention of all layers, heads and rows is made uniform",
}


def _control(
    name: str, figure: str, definition: str, unit: str, formula: str, other: str
) -> MetricSpec:
    stem = f"seed_baseline.control.{name}"
    return MetricSpec(
        f"{stem}.{figure}",
        definition,
        unit,
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula=formula,
        beside=(f"{stem}.{other}",),
        traps="Near 0 the answer goes around the attention, so no test of this attention can "
        "count against it.",
        source="this tool's own",
    )


SPECS = (
    *(
        _jsd(
            f"jsd.{name}_over_seeds",
            "How far the attention of other seeds is from the model's, as a mean over texts of "
            f"the {word} over seeds.",
            "lower",
            f"mean over texts of {statistic} over seeds of JSD(attention, the model's attention)",
            ("seed_baseline.tvd.mean", "seed_baseline.uniform_jsd.mean"),
            _PRETRAINED + more,
        )
        for name, word, statistic, more in (
            ("mean", "mean", "mean", ""),
            (
                "median",
                "median",
                "median",
                " Its interval covers the choice of texts only, not the choice of seeds.",
            ),
            ("max", "largest", "max", " It grows with the number of seeds."),
        )
    ),
    MetricSpec(
        "seed_baseline.tvd.mean",
        "How far the answers of other seeds are from the model's, on average.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over seeds and texts of TVD(p, p of the model)",
        beside=("seed_baseline.jsd.mean_over_seeds",),
        traps="It is twice what the authors' code prints for two classes.",
        source=_SEEDS,
    ),
    MetricSpec(
        "seed_baseline.flips",
        "The share of texts for which another seed predicts another class than the model.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over seeds and texts of [argmax p differs]",
        beside=("seed_baseline.tvd.mean",),
        traps="Answers near the border between two classes flip easily.",
        source="this tool's own",
    ),
    MetricSpec(
        "seed_baseline.f1.mean",
        "The F1 of models of the same recipe with other seeds, on the audited texts, as a mean "
        "over seeds.",
        "fraction",
        "higher",
        LEAST_SCORE,
        UNIT,
        formula=F1_FORMULA,
        beside=("model.f1", "seed_baseline.f1.std"),
        traps=F1_TRAP,
        source=_SEEDS,
    ),
    MetricSpec(
        "seed_baseline.f1.std",
        "How much the F1 differs between seeds of the recipe, as a standard deviation.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula="sqrt(sum (F1 - mean F1)^2 / (S - 1)), S seeds",
        beside=("seed_baseline.f1.mean",),
        traps="A few seeds give only a rough value, so it has no interval.",
        source=_SEEDS,
    ),
    MetricSpec(
        "seed_baseline.score.mean",
        "The score (macro-F1 unless you ask for another) of models of the same recipe with "
        "other seeds, on the audited texts, as a mean over seeds.",
        "fraction",
        "higher",
        LEAST_SCORE,
        UNIT,
        formula=_SCORE,
        beside=("seed_baseline.score.std", "necessity.learned_score.mean"),
        traps="These models were trained for as long as the recipe says, not until they stopped "
        "improving.",
        source=_SEEDS,
    ),
    MetricSpec(
        "seed_baseline.score.std",
        "How much the score differs between seeds of the recipe, as a standard deviation.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula="sqrt(sum (score - mean score)^2 / (S - 1)), S seeds",
        beside=("seed_baseline.score.mean",),
        traps="A few seeds give only a rough value, so it has no interval.",
        source=_SEEDS,
    ),
    _jsd(
        "uniform_jsd.mean",
        "How far uniform attention is from the model's, on average.",
        "neutral",
        "mean over texts of JSD(1/n each, the model's attention)",
        ("seed_baseline.jsd.mean_over_seeds",),
        "Near 0 the attention is flat, so there is little to explain.",
        _UNIFORM,
    ),
    _jsd(
        "permuted_jsd.mean",
        "How far the attention of models that were trained on shuffled labels "
        "(--permuted-labels) is from the model's, on average.",
        "neutral",
        "mean over seeds and texts of JSD(attention, the model's attention)",
        ("seed_baseline.jsd.mean_over_seeds",),
        "If other seeds are as far from the model, the task has little influence on attention.",
        "this tool's own",
    ),
    *(
        _score_of(name, definition, traps)
        for name, definition, traps in (
            (
                "learned",
                "learned attention",
                "It is not the score of the recipe, whose training may end earlier.",
            ),
            (
                "uniform",
                "attention that must give each word the same weight",
                "If it is as high as with learned attention, this recipe does not need "
                "attention for the task.",
            ),
            (
                "peaked",
                "attention that must be the model's own weights, shuffled among the words of "
                "each text",
                "If it is as high as with learned attention, it does not matter which words get "
                "the weight.",
            ),
            (
                "random",
                "attention that must be weights drawn at random, once for each text "
                "(--random-attention)",
                "In long texts such weights are nearly uniform on average, so compare it with "
                "uniform attention too.",
            ),
            (
                "reordered",
                "learned attention whose weights change places at random before they are used "
                "(--random-attention)",
                "Such models often learn to give each word nearly the same weight, because no "
                "other weights help.",
            ),
        )
    ),
    *(
        _gap(name, other, definition, traps)
        for name, other, definition, traps in (
            (
                "score_gap",
                "uniform",
                "attention that must give each word the same weight",
                "It is true only for this recipe and these data. Look at the table of "
                "trainings: a model that was still improving makes the gap too large or too "
                "small.",
            ),
            (
                "peaked_gap",
                "peaked",
                "random attention that is as uneven as the model's",
                "Uneven random weights hide most words from the model, so this gap is often "
                "larger than the gap to uniform attention.",
            ),
            (
                "random_gap",
                "random",
                "attention that must be weights drawn at random (--random-attention)",
                "It is true only for this recipe and these data. Near 0 the task does not need "
                "attention.",
            ),
            (
                "reordered_gap",
                "reordered",
                "learned attention in a random order (--random-attention)",
                "It is true only for this recipe and these data. Near 0 the task does not need "
                "attention.",
            ),
        )
    ),
    *(
        _control(
            name,
            "tvd.mean",
            f"How far the model's answers move on average when {how}.",
            "total variation distance",
            f"mean of TVD(p({name}), p)",
            "flips",
        )
        for name, how in _CONTROLS.items()
    ),
    *(
        _control(
            name,
            "flips",
            f"The share of texts for which the model predicts another class when {how}.",
            "fraction",
            f"mean of [argmax p({name}) differs from argmax p]",
            "tvd.mean",
        )
        for name, how in _CONTROLS.items()
    ),
)
