"""The tables of `identify`: freedom by length, each head, and the answers under other weights."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Cell, Table
from attnaudit.questions.identify.gathered import Gathered
from attnaudit.questions.identify.settings import IdentifySettings
from attnaudit.records.metric import UNIT

Array = NDArray[np.float64]
# A bin holds what is above one number, up to the next.
EDGES = (0, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
LENGTH, POSSIBLE, DETACHED, PRODUCIBLE = "length", "at most", "detached", "producible"
PINNED = "pinned"
_SHOWN = 16  # heads that are shown; the report holds all
_KEPT = {"values": "the average of its values", "output": "what its output map makes of that"}
READ_AS = {
    "least_norm": "least norm, one head",
    "least_norm_all": "least norm, all heads",
    "corners": "ends of intervals, one head",
    "sparsest_all": "fewest tokens, all heads",
    "others": "others of a query, one head",
}


def lengths_of(found: Gathered, settings: IdentifySettings) -> Table:
    """Freedom by the number of tokens that the row can attend to: detached and producible."""
    positions = found.positions
    other = "output" if settings.kept == "values" else "values"
    shown: dict[str, Array] = {
        POSSIBLE: (positions - 1).astype(np.float64),
        DETACHED: found.mean(settings.kept),
        PRODUCIBLE: found.mean("producible"),
        f"{other} kept": found.mean(other),
        PINNED: found.mean("fixed"),
        "JSD": found.mean("jsd"),
        **{words: found.mean(name) for name, words in _asked(settings).items()},
    }
    rows: list[list[Cell]] = []
    for low, high in pairwise((*EDGES, np.inf)):
        part = (positions > low) & (positions <= high)
        if part.any():
            name = f"{low + 1} to {high:g}" if np.isfinite(high) else f"more than {low}"
            means = (_mean(column[part]) for column in shown.values())
            rows.append([name, int(part.sum()), float(positions[part].mean()), *means])
    notes = [
        "Tokens: those that the audited row can attend to, special ones too. Detached: in how many",
        f"directions the weights of a head can change while {_KEPT[settings.kept]} stays, if any",
        "weights are allowed; at most it is the length less 1. Producible: the same for weights",
        f"that some query makes, near the model's own. {other.capitalize()} kept: the same as",
        f"detached while {_KEPT[other]} stays. Pinned: the share of tokens whose weight cannot",
        "change. JSD: how far the most even of these weights are from the model's own. All are",
        "means over texts and heads.",
    ]
    columns = ["tokens", "texts", LENGTH, *shown]
    title = "Freedom of the weights by length"
    return Table(title, columns, rows, [" ".join([*notes, *_more(settings)])])


def heads_of(found: Gathered, settings: IdentifySettings) -> Table:
    """The same for each head of the audited layer."""
    shown: dict[str, tuple[str, Callable[[Array], Cell]]] = {
        DETACHED: (settings.kept, _mean),
        PRODUCIBLE: ("producible", _mean),
        "directions": ("directions", _mean),
        "condition": ("condition", _median),
        PINNED: ("fixed", _mean),
        "JSD": ("jsd", _mean),
        **{words: (name, _mean) for name, words in _asked(settings).items()},
    }
    rows: list[list[Cell]] = [
        [str(head), *(take(found.by_head(name)[:, head]) for name, take in shown.values())]
        for head in range(found.heads)
    ]
    notes = [
        "Means over texts. Directions: in how many directions a query can move the weights.",
        "Condition (median): how many times farther what the head gives moves in the direction of",
        "these in which it moves most than in that in which it moves least. If it is large, there",
        "are weights that are nearly as good.",
    ]
    more = [" ".join([*notes, *_more(settings)])]
    return Table("Freedom of each head", ["head", *shown], rows, more, shown=_SHOWN)


def answers_of(found: Gathered, sample: Sample) -> Table:
    """The check: answers under weights that leave what heads give as it is."""
    rows: list[list[Cell]] = []
    for name, words in READ_AS.items():
        far, flips = (found.read[f"{what}.{name}"] for what in ("tvd", "flips"))
        mean = sample.mean(far, UNIT)
        if mean.value is not None:
            flipped = sample.mean(flips, UNIT).value
            rows.append([words, mean.n, mean.value, float(np.nanmax(far)), flipped])
    notes = [
        "Weights that leave what a head gives as it is are put into the model. TVD is that of the",
        "farthest answer of a text. All figures must be about 0: then such weights are as good as",
        "the model's own for its answer.",
    ]
    columns = ["weights", "texts", "TVD", "largest TVD", "flips"]
    return Table("Answers under weights that give the same", columns, rows, [" ".join(notes)])


def _asked(settings: IdentifySettings) -> dict[str, str]:
    """The columns of options that were given, with their headings."""
    shown: dict[str, str] = {}
    if settings.intervals:
        shown |= {"necessary": "necessary", "width": "width", "support": "support"}
    if settings.starts:
        shown |= {"found": "others"}
    return shown


def _more(settings: IdentifySettings) -> list[str]:
    """What is said of these columns."""
    notes = []
    if settings.intervals:
        notes += [
            "Necessary: the share of tokens that no such weights do without. Width: how far a",
            "weight can move. Support: the smallest share of tokens found that can have it all.",
        ]
    if settings.starts:
        notes.append("Others: how many other weights of a query were found for a head.")
    return notes


def _mean(values: Array) -> Cell:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _median(values: Array) -> Cell:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
