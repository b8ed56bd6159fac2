"""Whether the highlighted words carry the answer, from records: columns and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.erase.support_rule import DRAWS, LEAST_DRAWS, MOVED

Array = NDArray[np.float64]

STEM = "erase.unsupported"
LISTED = 50  # texts that a format shows of the list, which JSON holds whole
_TESTS = ("attention", "random", "deleted")


def support_columns(records: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """One value an instance by the metric that is their mean; none where no record has any.

    1 is unsupported and 0 supported; NaN where a text is not judged, or its record does not say.
    """
    found = [record.get("support") for record in records]
    if not any(found):
        return {}
    tests = {
        f"{STEM}.{name}": [_unsupported(_test(support, name)) for support in found]
        for name in _TESTS
    }
    not_judged = [support and float(support["status"] == "not_judged") for support in found]
    columns = {**tests, f"{STEM}.not_judged": not_judged}
    return {name: np.array(values, float) for name, values in columns.items()}


def support_figures(records: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """What the list of unsupported texts shows, (n,) each: NaN where a record does not say."""
    found = [record.get("support") or {} for record in records]
    columns = {
        "words": [len(support["words"]) if support else None for support in found],
        **{name: [support.get(name) for support in found] for name in ("draws", "tvd", "largest")},
    }
    return {name: np.array(values, float) for name, values in columns.items()}


def support_tables(
    metrics: Mapping[str, Estimate],
    columns: Mapping[str, Array],
    figures: Mapping[str, Array],
    ids: Sequence[str],
) -> dict[str, Table]:
    """The shares at a glance, and the texts that are unsupported, by their ids."""
    judged = columns[f"{STEM}.not_judged"] == 0
    draws = figures["draws"][judged]
    chance = float((1 - 1 / (draws + 1)).mean()) if len(draws) else None
    rows: list[list[Cell]] = []
    for name, shown in _SHOWN.items():
        figure = metrics[f"{STEM}.{name}"]
        rows.append([shown, figure.value, figure.ci_low, figure.ci_high, figure.n])
        if name == "random":
            rows.append([_CHANCE, chance, None, None, int(judged.sum())])
    columns_shown = ["", "share", "low", "high", "n"]
    tables = {
        f"{STEM}": Table(
            "Unsupported texts: the highlighted words do not carry the answer",
            columns_shown,
            rows,
            _notes(draws),
        )
    }
    listed = np.flatnonzero(columns[f"{STEM}.attention"] == 1)
    if len(listed):
        tables[f"{STEM}_texts"] = _list(figures, ids, listed)
    return tables


def _notes(draws: Array) -> list[str]:
    """How to read the shares; `draws` (judged texts,)."""
    notes = [
        "The highlighted words are the words with the largest weights that together hold half "
        "of the attention, but at most a fifth of the words. The test sets their weights to "
        "zero.",
        f"A text is supported if its answer then moves by a TVD of more than {MOVED:g}, and by "
        f"more than for each of {DRAWS} random draws of the same number of other words.",
        "That a text is supported proves nothing. One highlighted word that is no different "
        f"from the others passes by chance at most once in {DRAWS + 1} times. Several words can "
        "pass by chance more often. Compare with the random heatmap: it has the same weights, "
        "shuffled among the words.",
        "Words deleted: the same test, but the words are deleted from the text. Deleting words "
        "breaks texts, so no text is judged by this.",
    ]
    fewer = draws[draws < DRAWS]
    if len(fewer):
        texts = "text has" if len(fewer) == 1 else "texts have"
        least, most = int(fewer.min()) + 1, int(fewer.max()) + 1
        chance = f"once in {most}" if least == most else f"once in {least} to {most}"
        notes.append(
            f"{len(fewer):,} judged {texts} fewer than {DRAWS} different draws. The test uses "
            f"all of them, and one word passes by chance {chance} times."
        )
    notes.append(f"Texts with fewer than {LEAST_DRAWS} different draws are not judged.")
    return notes


def _list(figures: Mapping[str, Array], ids: Sequence[str], listed: NDArray[np.int64]) -> Table:
    words, draws, moved, largest = (figures[n] for n in ("words", "draws", "tvd", "largest"))
    rows: list[list[Cell]] = [
        [ids[i], int(words[i]), float(moved[i]), float(largest[i]), int(draws[i])]
        for i in listed.tolist()
    ]
    return Table(
        "Unsupported texts",
        ["text", "highlighted", "TVD", "others, up to", "draws"],
        rows,
        [
            "TVD: how far the answer moves when the weights of the highlighted words are set "
            "to zero.",
            "Others, up to: the farthest that the answer moves for a draw of the same number "
            "of other words.",
        ],
        detail=True,
        shown=LISTED,
    )


def _test(support: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    if support is None:
        return {}
    found: Mapping[str, Any] = support if name == "attention" else support[name]
    return found


def _unsupported(test: Mapping[str, Any]) -> float | None:
    return {"unsupported": 1.0, "supported": 0.0}.get(test.get("status", ""))


_CHANCE = "expected for a word like the others"
_SHOWN = {
    "attention": "attention",
    "random": "random heatmap",
    "deleted": "attention, words deleted",
    "not_judged": "texts not judged",
}
