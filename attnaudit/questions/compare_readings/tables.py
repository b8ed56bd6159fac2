"""The tables of `compare-readings`: the order of the rankings, and all of their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from attnaudit.importance import IMPORTANCES
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.compare_readings.gathered import NORMALISED, PEOPLE, PREFIX, Gathered
from attnaudit.questions.compare_readings.names import BASE, SOFT
from attnaudit.questions.compare_readings.order import (
    LEVEL,
    Difference,
    best_first,
    comparisons,
    differences,
)
from attnaudit.questions.compare_readings.settings import LOWER
from attnaudit.questions.erase.shares import KINDS

Array = NDArray[np.float64]
ERASED_BY = {
    "delete": "words are deleted from the text",
    "mask": "the mask token replaces words",
    "weight": "the attention weights of words become 0, and the others are scaled up",
}
FIRST, SAME, APART, FLOOR = "first", "not told apart", "worse", "floor"
_SHORT = {"comprehensiveness": "compr.", "sufficiency": "suff."}


def order_of(found: Gathered, metrics: Mapping[str, Estimate], sample: Sample) -> Table:
    """The rankings by the chosen score, the best first, with what the first and `mean` differ by.

    Random rankings stand in it, and are never the first.
    """
    settings = found.settings
    by, lower = settings.ordered_by, settings.score in LOWER
    means = {name: _of(metrics, by, name) for name in found.names}
    order = best_first({name: one.value for name, one in means.items()}, lower)
    sign = -1.0 if lower else 1.0
    scores = {name: sign * found.columns[f"{PREFIX}{by}.{name}"] for name in order}
    ranked = [n for n in order if not _is_control(n) and means[n].value is not None]
    first = ranked[0] if ranked else None
    from_first = differences(scores, first, sample, chosen=True) if first else {}
    has_base = BASE in ranked and first != BASE
    from_base = differences(scores, BASE, sample) if has_base else {}
    many = len([name for name in order if means[name].value is not None])
    rows: list[list[Cell]] = []
    for name in order:
        mean = means[name]
        rows.append(
            [
                name,
                "reading" if name in (settings.readings or ()) else "importance",
                *(mean.value, mean.ci_low, mean.ci_high, mean.n),
                _verdict(name, first, from_first.get(name)),
                *_cells(from_first.get(name), sign),
                *(_cells(from_base.get(name), sign) if has_base else []),
            ]
        )
    notes = [
        f"Ordered by {settings.score}"
        + (f" where {ERASED_BY[by.split('.')[0]]}. " if "." in by else " with leave-one-out. ")
        + f"{'Lower' if lower else 'Higher'} is better.",
        "To first: the mean difference to the first on the same texts, with its 95 % interval. p:"
        " the chance of such a difference if there were none (paired t-test). The first was chosen"
        " on these texts, so its score is flattered. Therefore Holm's method corrects p for all"
        f" comparisons of two rankings, here {comparisons(many, chosen=True)}."
        f" {SAME.capitalize()}: p is above {LEVEL}.",
        *(
            [
                "To mean: the same beside the mean over heads, which was not chosen. This p is"
                " corrected for the comparisons with it alone, here"
                f" {comparisons(many, chosen=False)}."
            ]
            if has_base
            else []
        ),
        "A high score can be gamed: a model can recognise erased texts (Hsia et al. 2024).",
    ]
    columns = ["ranking", "kind", settings.score, "low", "high", "n", "verdict"]
    columns += ["to first", "low", "high", "p"]
    columns += ["to mean", "low", "high", "p"] if has_base else []
    return Table("The order of the rankings", columns, rows, notes)


def scores_of(found: Gathered, metrics: Mapping[str, Estimate]) -> Table:
    """Every score of every ranking, with the operator of each."""
    settings, path = found.settings, found.settings.path
    shown = {
        f"{operator}.{kind}": f"{operator} {_SHORT[kind]}"
        for operator in settings.operators or ()
        for kind in KINDS
    }
    shown |= {f"{path}.naopc": f"{path} NAOPC", f"{path}.flip_fraction": f"{path} flips"}
    shown |= {"tau": "tau"}
    rows: list[list[Cell]] = [
        [name, *(_of(metrics, figure, name).value for figure in shown)] for name in found.names
    ]
    # The best possible order has all of the range; on other scores it says nothing.
    best: list[Cell] = [1.0 if figure.endswith(".naopc") else None for figure in shown]
    rows.append(["best possible order", *best])
    used = dict.fromkeys((*(settings.operators or ()), path))
    notes = [
        "The first word of a column says how words are erased. "
        + " ".join(f"{o}: {ERASED_BY[o]}." for o in used),
        "compr. (comprehensiveness): the top words are erased; higher is better. suff."
        " (sufficiency): all other words are erased; lower is better. NAOPC: 0 is the least and 1"
        " the greatest score that any order can have in a text; higher is better. flips: the share"
        " of words that must go until the decision flips; lower is better. tau: with"
        " leave-one-out.",
        "random is the floor. If operators put the rankings in different orders, do not trust one"
        " order alone.",
    ]
    return Table("Scores of the rankings", ["ranking", *shown.values()], rows, notes)


def soft_of(found: Gathered, metrics: Mapping[str, Estimate]) -> Table:
    """The bounded scores where parts of words are erased."""
    short = {NORMALISED[0]: "NC", NORMALISED[1]: "NS"}
    shown = {f"{way}.{figure}": f"{way} {short[figure]}" for way in SOFT for figure in NORMALISED}
    rows: list[list[Cell]] = [
        [name, *(_of(metrics, figure, name).value for figure in shown)] for name in found.names
    ]
    notes = [
        "A part of the numbers in each word's embedding becomes 0, drawn at random"
        f" {found.settings.draws} times. NC (normalised comprehensiveness): the more, the higher a"
        " word ranks. NS (normalised sufficiency): the less, the higher it ranks. Both are shares"
        " of what happens if all numbers are 0; higher is better.",
        "soft: the part follows the scores, so rankings with larger scores keep or lose more. even:"
        " scores are scaled so that half of all numbers are kept under every ranking.",
    ]
    return Table("Soft scores of the rankings", ["ranking", *shown.values()], rows, notes)


def people_of(found: Gathered, metrics: Mapping[str, Estimate]) -> Table:
    """Agreement with what people marked."""
    rows: list[list[Cell]] = []
    for name in found.names:
        one, other = (metrics[f"{PREFIX}{figure}.{name}"] for figure in PEOPLE)
        rows.append([name, one.value, one.ci_low, one.ci_high, other.value])
    notes = [
        "token F1: how well as many top words as people marked match the marked words. Average"
        " precision: how well the ranking puts the marked words above all others. Both say whether"
        " people would agree with a ranking, and nothing about the model's own reasons.",
    ]
    columns = ["ranking", "token F1", "low", "high", "average precision"]
    return Table("Plausibility of the rankings", columns, rows, notes)


def left_out_of(found: Gathered) -> Table:
    """The readings that are not compared, and the texts that a ranking is undefined for."""
    rows: list[list[Cell]] = [
        [name, reason, found.texts] for name, reason in found.settings.not_read.items()
    ]
    rows += [
        [name, f"texts with {reason}", count]
        for name in found.names
        for (other, reason), count in sorted(found.undefined.items())
        if other == name
    ]
    return Table("What is left out", ["ranking", "reason", "texts"], rows)


def _of(metrics: Mapping[str, Estimate], figure: str, name: str) -> Estimate:
    """A figure of a ranking; without a value where it has none, as the tau with itself."""
    return metrics.get(f"{PREFIX}{figure}.{name}", Estimate(None))


def _is_control(name: str) -> bool:
    return name in IMPORTANCES and IMPORTANCES[name].control


def _cells(one: Difference | None, sign: float) -> Sequence[Cell]:
    """A difference in the units of the score, with its interval and p."""
    if one is None or one.value is None or one.low is None or one.high is None:
        return [None, None, None, None]
    low, high = sorted((sign * one.low, sign * one.high))
    return [sign * one.value, low, high, one.p]


def _verdict(name: str, first: str | None, one: Difference | None) -> str:
    if name == first:
        return FIRST
    if one is None or one.value is None:
        return "not comparable"
    if not one.told_apart:
        return f"{FLOOR}, {SAME}" if _is_control(name) else SAME
    if one.value > 0:  # a control can be better than all rankings
        return f"{FLOOR}, better" if _is_control(name) else "better on the same texts"
    return f"{FLOOR}, {APART}" if _is_control(name) else APART
