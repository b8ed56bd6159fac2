"""The tables of `patterns`: shares of influence, answers, layers, checks, and one text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from attnaudit.errors import printable
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.patterns.gathered import CHECKED, TOLD, WHERE, Gathered
from attnaudit.questions.patterns.guides import GUIDES, INFLUENCE, KEPT, LEVELS
from attnaudit.records.metric import UNIT

SHARES, KEPT_TABLE, LAYERS, CHECKS, TEXT = (
    f"patterns.{name}" for name in ("shares", "kept", "layers", "checks", "text")
)
WORD, AT, WHOLE, ALONG, THROUGH, PATH = "word", "at", "influence", "along", "heads", "path"
_SHOWN = 12  # words that are shown; the report holds all


def shares_of(found: Gathered, sample: Sample) -> Table:
    """How much of the influence of words goes along one pattern each."""
    rows: list[list[Cell]] = []
    for name, words in GUIDES.items():
        along, through = (sample.mean(found.figures[f"share.{name}.{level}"]) for level in LEVELS)
        same: Cell = None
        if name != INFLUENCE:
            same = sample.mean(found.figures[f"overlap.{name}"], UNIT).value
        rows.append([words, *_ends(along), *_ends(through), same])
    notes = [
        "A pattern is a path from a word through one position of each layer to the answer. Share:",
        "how much of the influence of the words goes along one pattern each. With heads: each",
        "pattern also goes through one head of each layer, or past all heads. A share can be above",
        "1 or below 0, where other paths cancel it. Same: how often the pattern is at the position",
        "of that by influence, below the last layer. Attention is followed from where a word",
        "stands to the positions that attend to it: greedy takes the largest weight of any head;",
        "best path takes the largest product of weights, half of each for staying.",
    ]
    columns = ["pattern by", "share", "low", "high", "with heads", "low", "high", "same"]
    return Table("Influence along one pattern a word", columns, rows, [" ".join(notes)])


def kept_of(found: Gathered, sample: Sample) -> Table:
    """What the model answers if only some patterns are kept."""
    rows: list[list[Cell]] = []
    for level in LEVELS:
        for name, words in KEPT.items():
            figures = {one: found.ablated[f"{name}.{level}.{one}"] for one in TOLD}
            means = {one: sample.mean(column, bounds_of(one)) for one, column in figures.items()}
            rows.append([words, level, *(means[one].value for one in TOLD)])
    notes = [
        "All that lies off the patterns is as it is for the baseline. The patterns are kept as",
        "positions, or only as heads and ways past them. Kept: the share of the states, or of",
        "heads and ways, that this is. TVD and flips compare with the model's own answer; odds are",
        "the mean log-odds of the class that it predicts. Patterns of words for the answer should",
        "raise them, those of words against it lower them. The more is kept, the easier it is to",
        "keep the answer: compare rows that keep alike much.",
    ]
    columns = ["patterns by", "as", "kept", "TVD", "flips", "odds"]
    return Table("Answers if only patterns are kept", columns, rows, [" ".join(notes)])


def bounds_of(told: str) -> tuple[float | None, float | None]:
    """The range of a figure of an ablation."""
    return (None, None) if told == "odds" else UNIT


def layers_of(found: Gathered) -> Table:
    """Where the patterns by influence are, layer by layer."""
    where = found.where
    rows: list[list[Cell]] = [
        [f"after layer {layer + 1}", *map(float, where[:, layer])] for layer in range(found.layers)
    ]
    notes = [
        "Shares of words, mean over texts. Own: the pattern is still at its own word. Other: at",
        "another word. Read: at the position that the answer is read from, where the last layer's",
        "must be. Special: at another token that is no word. Past: it goes past all heads of this",
        "layer.",
    ]
    columns = ["state", *WHERE]
    return Table("Where patterns by influence pass", columns, rows, [" ".join(notes)])


def checks_of(found: Gathered) -> Table:
    """Whether influences add up."""
    names = {
        "gap": "conservation, each refinement",
        "pairs": "conservation, pairs of positions",
        "completeness": "completeness",
    }
    assert set(names) == set(CHECKED)
    rows: list[list[Cell]] = []
    for name, words in names.items():
        column = found.figures[name]
        rows.append([words, float(np.nanmean(column)), float(np.nanmax(column))])
    notes = [
        "In log-odds. Conservation must be 0 but for rounding: influences that a refinement splits",
        "up add up to what was split, and those of all pairs of positions in the first two layers",
        "to that of the word. Completeness is the error of the integral: more --steps lower it.",
    ]
    columns = ["check", "mean", "largest"]
    return Table("Do influences add up?", columns, rows, [" ".join(notes)])


def text_of(record: Mapping[str, Any], labels: Sequence[str]) -> Table:
    """The pattern by influence of each word of one text, the largest influence first."""
    pattern, units = record["patterns"][INFLUENCE], record["units"]
    tokens = record.get("tokens")
    rows: list[list[Cell]] = []
    for word, whole in enumerate(record["influence"]):
        at = [place for place, unit in enumerate(units) if unit == word]
        path = " ".join(
            f"{place}" if head is None else f"{place}h{head}"
            for place, head in zip(pattern["places"][word], pattern["heads"][word], strict=True)
        )
        name = printable(tokens[word]) if tokens else f"word {word + 1}"
        carried = (_part(pattern[key][word], whole) for key in ("along", "through"))
        rows.append([name, " ".join(map(str, at)), whole, *carried, path])
    rows.sort(key=lambda row: -abs(float(row[2] or 0.0)))
    predicted = printable(labels[record["predicted"]])
    notes = [
        f"The text {printable(record['id'])}, and the class {predicted}. Influence: on its",
        "log-odds. At: the positions of the word. Along: the share of that influence which goes",
        "along the pattern; heads: also through its heads. Path: the position after each layer,",
        "from the lowest on; 5h2 is position 5 through head 2, and 5 alone is past all heads.",
    ]
    columns = [WORD, AT, WHOLE, ALONG, THROUGH, PATH]
    return Table("The patterns of one text", columns, rows, [" ".join(notes)], shown=_SHOWN)


def _part(carried: float, whole: float) -> Cell:
    return carried / whole if whole else None


def _ends(one: Estimate) -> Sequence[Cell]:
    """A share and its interval; what is 0 but for 4 decimals is 0."""
    parts = (one.value, one.ci_low, one.ci_high)
    return [None if part is None else round(part, 4) + 0.0 for part in parts]
