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
from attnaudit.questions.ladder.tables import rungs_table
from attnaudit.records.metric import range_of

Array = NDArray[np.float64]
MISSING = {
    "query": "not available: this model does not show keys and a query that its weights come from",
    "state": "not available: this model has no state of an audited row that attnaudit can move, as"
    " classic models have none",
    "word_embeddings": "not available: this model does not show a table of its word embeddings",
    "parameters": "none of these texts are in the records of --adversaries",
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
        "Lower bounds are what a search found: what lies farther may have been missed. Only the"
        " weights contain another rung, that of the query. So a higher rung may show less than a"
        " lower one."
    )
    words, state = (part[np.isfinite(part)] for part in (radii["words"], radii["state"]))
    if len(words):
        said = (
            f"The embedding of a word may move by {words[0]:.3g} (L2): {settings.radius:g} times"
            " the median distance of a word to its nearest neighbour in the embedding table."
        )
        if len(state):
            said += (
                f" The state may move by the same share of its length, {state.mean():.3g} on"
                " average."
            )
        yield f"{said} Both sizes are this tool's own."
    for rung in rungs:
        if metrics[f"ladder.{rung}.jsd.mean"].value is None and rung in MISSING:
            yield f"Left out, {RUNGS[rung].changes}: {MISSING[rung]}."
