"""The table of `ladder`: one row for each rung."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.wording import percent

RUNG, BOUND = "what may change", "JSD is"
EXACT, LOWER, UPPER = "exact", "lower bound", "upper bound"
NAMES = {
    "weights": "1 the weights",
    "query": "2 the query",
    "state": "3 the row's state, nearby",
    "word_embeddings": "4 word embeddings, nearby",
    "parameters": "5 the parameters",
}


def rungs_table(
    rungs: Sequence[str], metrics: Mapping[str, Estimate], cap: float, settings: LadderSettings
) -> Table:
    """How far the attention moves on each rung that the model has."""
    rows: list[list[Cell]] = []
    for rung in rungs:
        jsd = metrics[f"ladder.{rung}.jsd.mean"]
        if jsd.value is None:
            continue
        named = bound_of(rung, metrics)
        rows.append([NAMES[rung], named, jsd.n, jsd.value, jsd.ci_low, jsd.ci_high])
        others = (f"ladder.{rung}.{name}" for name in _OTHERS)
        rows[-1] += [metrics[name].value if name in metrics else None for name in others]
        if rung == "weights" and named != EXACT:
            most = metrics["ladder.weights.upper.mean"]
            shown = [most.n, most.value, most.ci_low, most.ci_high]
            rows.append([NAMES[rung], UPPER, *shown, *[None] * len(_OTHERS)])
    columns = [RUNG, BOUND, "texts", "JSD", "low", "high", "relative", "found", "TVD", "outside"]
    notes = [
        "JSD: how far the attention shown moves, in nats, while the answer moves by at most"
        f" {settings.epsilon:g} (TVD); 0 in texts where nothing was found. relative: the JSD as a"
        f" share of the largest one that any weights can have ({cap:.3f} on average).",
        "found: share of texts in which such attention was found. TVD: how far the answer moves"
        " then. outside: how much of that attention lies outside the words.",
    ]
    if any(row[1] == UPPER for row in rows):
        notes.append("The upper bound of the weights holds for the query, too.")
    title = "How far the attention can move at the same answer, by what may change"
    return Table(title, columns, rows, notes)


def bound_of(rung: str, metrics: Mapping[str, Estimate]) -> str:
    """What the JSD of a rung is."""
    exact = metrics["ladder.weights.exact"].value or 0.0
    if rung != "weights" or not exact:
        return LOWER
    return EXACT if exact == 1 else f"{LOWER}, {percent(exact)} exact"


_OTHERS = ("relative_mean", "found", "tvd.mean", "outside.mean")
