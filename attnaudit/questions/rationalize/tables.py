"""The tables of `rationalize`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.measures.scores import accuracy
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.rationalize.names import FULL, RANDOM, in_words, places_of
from attnaudit.questions.rationalize.predictors import Predictors, metric_of
from attnaudit.questions.rationalize.settings import RationalizeSettings
from attnaudit.questions.runs import BASE

Metrics = Mapping[str, Estimate]
FAITHFUL = (
    "Faithful by construction means: an answer from a rationale depends on its words, and on no"
    " other word of the text. It does not mean that we know why these words were chosen: the"
    " support model saw the full text. It does not mean that the support model uses them. And it"
    " does not say how the predictor uses them."
)
LEAK = (
    "The choice of words can itself give the label away. Predictors that see only the places of the"
    " chosen words show how much the places alone give away. They do not see a code in the words."
)


def tables(
    settings: RationalizeSettings, predictors: Predictors, metrics: Metrics
) -> dict[str, Table]:
    """All tables by name."""
    made = {
        "rationalize.scores": _scores(settings, predictors, metrics),
        "rationalize.gaps": _gaps(predictors, metrics),
        "rationalize.runs": _runs(predictors),
    }
    if f"rationalize.{RANDOM}.{AGREEMENTS[0]}" in metrics:
        made["rationalize.people"] = _people(predictors, metrics)
    return made


def kept_in_words(settings: RationalizeSettings) -> str:
    """Which words of a text become the rationale."""
    kind = "the words of the largest scores"
    if settings.form == "contiguous":
        kind = "the neighbouring words of the largest sum of scores"
    many = f"{settings.share:.3g} of the words, rounded up"
    if settings.count is not None:
        many = f"{settings.count} words, or all of a shorter text"
    return f"{kind}: {many}"


def _scores(settings: RationalizeSettings, found: Predictors, metrics: Metrics) -> Table:
    rows: list[list[Cell]] = []
    for name in found.names:
        values = found.of(name)
        spread = float(values.mean(1).std(ddof=1)) if len(values) > 1 else None
        rows.append([*_row(in_words(name), metrics[metric_of(name)]), spread])
    length = metrics["rationalize.length.mean"].value or 0.0
    notes = [
        f"A rationale holds {kept_in_words(settings)}. The mean share that is kept is {length:.3f}."
        " Predictors are trained, selected and tested on what they see.",
        FAITHFUL,
    ]
    score = found.scorer.words
    title = f"{score} of predictors, by what they see"
    return Table(title, ["sees", score, "low", "high", "std"], rows, notes)


def _gaps(found: Predictors, metrics: Metrics) -> Table:
    rows: list[list[Cell]] = []
    for name in found.by:
        rationale, places = in_words(name), in_words(places_of(name))
        for other, words in ((FULL, in_words(FULL)), (RANDOM, in_words(RANDOM)), ("positions", "")):
            gap = metrics[f"rationalize.{name}-{other}.score_gap"]
            rows.append(_row(f"{rationale} minus {words or 'only their places'}", gap))
        rows.append(_row(f"{places} minus guessing", metrics[f"rationalize.{name}.leak_gap"]))
    notes = [
        "Each row is a difference between predictors with the same seed, with intervals over seeds"
        " and texts. Guessing: the best score of answers that do not depend on the text.",
        LEAK,
    ]
    score = found.scorer.words
    columns = ["", score, "low", "high"]
    return Table(f"Differences in {score} between predictors", columns, rows, notes)


def _people(found: Predictors, metrics: Metrics) -> Table:
    rows: list[list[Cell]] = []
    for name in (*found.by, RANDOM):
        first, *others = (metrics[f"rationalize.{name}.{figure}"] for figure in AGREEMENTS)
        rows.append([*_row(in_words(name), first), *(other.value for other in others)])
    notes = [
        "token F1: how well the words of the rationale match the words that people marked. IoU-F1:"
        " the same of runs of words (the overlap must be at least half of the union).",
        "average precision and AUPRC: how well the scores put the marked words above all others."
        " AUPRC is computed with straight lines, as ERASER (DeYoung et al. 2020) does.",
        "These figures say whether people would choose the same words. They say nothing about the"
        " reasons of a model.",
    ]
    columns = ["words", "token F1", "low", "high", "IoU-F1", "average precision", "AUPRC"]
    return Table("Rationales and the words that people marked", columns, rows, notes)


def _runs(found: Predictors) -> Table:
    gold = found.scorer.gold

    def row(name: str, seed: int | None, probs: np.ndarray, score: float) -> list[Cell]:
        return [name, seed, None if np.isnan(score) else score, accuracy(gold, probs)]

    (own,) = found.runs.probs(BASE, [0])
    score = float(found.scorer.values(own[None]).mean())
    rows = [row("support model", None, own, score)]
    for name in found.names:
        for seed, values in found.values[name].items():
            (probs,) = found.runs.probs(found.kinds[name], [seed])
            rows.append(row(in_words(name), seed, probs, float(values.mean())))
    columns = ["sees", "seed", found.scorer.words, "accuracy"]
    return Table("Each predictor", columns, rows, detail=True).once("accuracy")


def _row(name: str, figure: Estimate) -> list[Cell]:
    return [name, figure.value, figure.ci_low, figure.ci_high]
