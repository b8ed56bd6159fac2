"""Metrics of `rationalize`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, LEAST_SCORE, UNIT, Direction, MetricSpec

_FRESH = "Jain et al. 2020, section 4"
_OWN = "this tool's own"
_ERASER = "DeYoung et al. 2020 (ERASER), section 4.1"
_GAP = (-1.0, 1.0)
_SELECTION = (
    "It says what the words are worth to another model. It does not say why the support model chose"
    " them, or that it used them."
)
_PEOPLE = "Rationales that people agree with need not be the model's reasons."


def _score(name: str, what: str, beside: tuple[str, ...], source: str = _FRESH) -> MetricSpec:
    return MetricSpec(
        f"rationalize.{name}",
        f"The score of models of the recipe that see {what}; mean over seeds.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula="mean over seeds of the score that the settings name",
        beside=beside,
        traps="It is macro-F1 unless `--score` names another.",
        source=source,
    )


def _gap(
    other: str,
    definition: str,
    direction: Direction,
    traps: str = _SELECTION,
    source: str = _FRESH,
) -> MetricSpec:
    return MetricSpec(
        f"rationalize.{{rationale}}-{other}.score_gap",
        definition,
        "fraction",
        direction,
        LEAST_SCORE,
        _GAP,
        formula=f"mean over seeds of score({{rationale}}) - score({other}), same seed",
        beside=("rationalize.full.score", "rationalize.random.score"),
        traps=traps,
        source=source,
    )


def _people(figure: str, definition: str, formula: str) -> tuple[MetricSpec, ...]:
    def spec(name: str, of: str) -> MetricSpec:
        return MetricSpec(
            f"rationalize.{name}.{figure}",
            definition.format(of=of),
            "fraction",
            "neutral",
            LEAST_MEAN,
            UNIT,
            formula=formula,
            beside=("plausibility",),
            traps=_PEOPLE,
            source=_ERASER,
        )

    return spec("random", "random rationales"), spec("{rationale}", "the rationales by {rationale}")


SPECS = (
    _score("full.score", "the full text", ("rationalize.random.score",)),
    _score("random.score", "as many words, drawn at random", ("rationalize.full.score",)),
    MetricSpec(
        "rationalize.length.mean",
        "The mean share of the words of a text that its rationale keeps.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of ceil(share * words) / words, or of min(number, words) / words",
        beside=("rationalize.random.score",),
        traps="It is above the share that was asked for, because numbers of words are rounded up.",
        source=_FRESH,
    ),
    *_people(
        "token_f1",
        "How well the words of {of} match the words that people marked.",
        "mean of 2 |chosen and marked| / (|chosen| + |marked|)",
    ),
    *_people(
        "iou_f1",
        "How well the runs of words of {of} match the runs of words that people marked.",
        "mean F1 of runs; a run is right if intersection / union with a marked run >= .5",
    ),
    *_people(
        "auprc",
        "How well the scores of {of} put the words that people marked above all others, as average "
        "precision.",
        "mean of sum_k (R_k - R_(k-1)) P_k, P and R precision and recall at each score",
    ),
    *_people(
        "auprc_trapezoidal",
        "How well the scores of {of} put the words that people marked above all others, as the "
        "AUPRC that ERASER computes with straight lines.",
        "mean of sum_k (R_k - R_(k-1)) (P_k + P_(k-1)) / 2, R_0 = 0, P_0 = 1",
    ),
    _score(
        "{rationale}.score",
        "the rationales by {rationale}, and no other word",
        ("rationalize.full.score", "rationalize.random.score"),
    ),
    _score(
        "{rationale}.positions_score",
        "one symbol for each word of the rationale by {rationale}, and another for each other word",
        ("rationalize.{rationale}.score",),
        _OWN,
    ),
    MetricSpec(
        "rationalize.{rationale}.leak_gap",
        "How much better than guessing models do that see only which places the rationales by "
        "{rationale} take.",
        "fraction",
        "lower",
        LEAST_SCORE,
        _GAP,
        formula="mean over seeds of score(positions) - score(best guess)",
        beside=("rationalize.{rationale}.positions_score",),
        traps="A guess does not depend on the text: it is one answer for all texts or, for "
        "macro-F1, a class at random. The figure also counts what the number of words in a text "
        "says of the label. And the chosen words themselves can be a code, which this control "
        "does not see.",
        source=_OWN,
    ),
    MetricSpec(
        "rationalize.{rationale}.undefined",
        "The share of texts for which the score {rationale} is undefined, so that their last words "
        "are the rationale.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="texts without scores / all texts",
        beside=("rationalize.{rationale}.score",),
        traps="If it is large, the rationales are mostly not by this score.",
        source=_OWN,
    ),
    _gap(
        "full",
        "How much better a model does with the rationales by {rationale} than with the full text.",
        "higher",
    ),
    _gap(
        "random",
        "How much better a model does with the rationales by {rationale} than with as many random "
        "words.",
        "higher",
    ),
    _gap(
        "positions",
        "How much better a model does with the rationales by {rationale} than with only the places "
        "of their words.",
        "higher",
        "Near 0 the choice gives the label away. A large gap does not rule that out: which words "
        "are chosen can be a code, too.",
        _OWN,
    ),
)
