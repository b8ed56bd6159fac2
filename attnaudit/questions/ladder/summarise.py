"""What the records of `ladder` say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.columns import Column, Frame
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.basics import Basics
from attnaudit.questions.ladder.metrics import RUNGS, SPECS
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.questions.ladder.tables import NAMES, rungs_table
from attnaudit.records.metric import range_of

Array = NDArray[np.float64]
MISSING = {
    "query": "not available: this model does not show keys and a query that its weights come from",
    "state": "not available: this model has no state of an audited row, or attnaudit cannot move"
    " it; classic models have none",
    "word_embeddings": "not available: this model does not show a table of its word embeddings",
    "parameters": "none of these texts are in the records of --model-adversary",
}
FIGURES = ("jsd.mean", "relative_mean", "found", "tvd.mean", "outside.mean")


def summarise(
    records: Iterable[Mapping[str, Any]], settings: LadderSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    rungs = [name for name in RUNGS if name != "parameters" or settings.adversaries]
    names = [f"ladder.{rung}.{figure}" for rung in rungs for figure in _figures_of(rung)]
    names += ["ladder.weights.upper.mean", "ladder.weights.exact"]
    basics, columns, caps = Basics(), Frame(names), Column()
    radii = {"words": Column(), "state": Column()}
    for record in records:
        basics.add(record)
        caps.add(record["cap"])
        for name, column in radii.items():
            length = record["radii"][name]
            column.add(np.nan if length is None else length)
        found = [x for rung in rungs for x in _values(record[rung], record["cap"], rung)]
        weights = record["weights"]
        columns.add([*found, weights["upper"], float(weights["bound"] == "exact")])
    metrics = {
        **basics.model_scores(),
        **basics.sample().means(columns, partial(range_of, SPECS)),
    }
    for rung in rungs:
        for figure in _figures_of(rung):
            name = f"ladder.{rung}.{figure}"
            if metrics[name].value is None and rung in MISSING:
                metrics[name] = replace(metrics[name], reason=MISSING[rung])
    tables = {"ladder.rungs": rungs_table(rungs, metrics, float(caps.array().mean()), settings)}
    lengths = {name: column.array() for name, column in radii.items()}
    notes = [*basics.notes(), *_notes(rungs, metrics, lengths, settings)]
    return Summary(metrics, tables, notes, columns=basics.columns(columns))


def _figures_of(rung: str) -> Sequence[str]:
    return FIGURES[:-1] if rung == "parameters" else FIGURES


def _values(found: Mapping[str, Any] | None, cap: float, rung: str) -> list[float]:
    """The figures of one rung in one text."""
    count = len(_figures_of(rung))
    if found is None:
        return [np.nan] * count
    shared = [found["jsd"], min(1.0, found["jsd"] / cap) if cap > 0 else np.nan]
    return [*shared, float(found["found"]), found["tvd"], found.get("outside", np.nan)][:count]


def _notes(
    rungs: Sequence[str],
    metrics: Mapping[str, Estimate],
    radii: Mapping[str, Array],
    settings: LadderSettings,
) -> Iterator[str]:
    yield (
        "Lower bounds are what a search found: more may be possible. Weights can do all that a"
        " query can do. Otherwise no rung can do all that another can do, so a later one may show"
        " less."
    )
    words, state = (part[np.isfinite(part)] for part in (radii["words"], radii["state"]))
    said, share = [], f"{settings.radius:g} times"
    if len(words):
        said.append(
            f"The embedding of a word may move by {words[0]:.3g} (L2): {share} the median distance"
            " of a word to its nearest neighbour in the embedding table."
        )
    if len(state):
        said.append(
            f"The state may move by {share} its own length, which is {state.mean():.3g} on average."
        )
    if said:
        sizes = "Both sizes are" if len(said) == 2 else "This size is"
        yield f"{' '.join(said)} {sizes} this tool's own choice."
    for rung in rungs:
        if metrics[f"ladder.{rung}.jsd.mean"].value is None and rung in MISSING:
            reason = MISSING[rung].removeprefix("not available: ")
            yield f"The rung {NAMES[rung]!r} is left out: {reason}."
