"""What the records of one text give for its heatmap.

Of a text that somebody asked for all of it: every reading of the attention and every importance,
each with what the tests say of it on this text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from attnaudit.measures.rank import kendall_matrix
from attnaudit.questions.beside import Beside
from attnaudit.questions.gallery import Heatmap, Support, Weights
from attnaudit.questions.runs import BASE_RUN
from attnaudit.readings import READINGS
from attnaudit.readings.heads import MEAN
from attnaudit.readings.reading import Reading

Record = Mapping[str, Any]
ATTENTION = "the model's attention"  # what the first row of a heatmap is called
_SAME = 1e-3  # weights of two runs that differ by no more are of one attention
_REFERENCE = "leave_one_out"  # with which each ranking is compared


def is_base(record: Record) -> bool:
    """Whether a record is of the audited model."""
    run = record.get("run")
    return run is None or run.get("model") == BASE_RUN["model"]


class OneText:
    """The rows of a heatmap, gathered record by record; all that there are if `whole`."""

    def __init__(self, whole: bool) -> None:
        self._whole = whole
        self._base: Record | None = None
        self._tokens: Sequence[str] | None = None
        self._readings: dict[str, Record] = {}  # with the attention of each
        self._undefined: dict[str, str] = {}  # readings that the text has none of, and why
        self._figures: dict[str, dict[str, float]] = {}  # by the reading or importance
        self._rows: list[tuple[int, Weights]] = []  # with their priorities
        self._support: tuple[Support, Sequence[float]] | None = None  # and of which attention

    def add(
        self,
        record: Record,
        beside: Beside,
        tokens: Sequence[str] | None,
        reading: str | None = None,
    ) -> None:
        """Take in a record of the audited model, or of the trained one that is shown.

        `tokens` are its words. `reading` names the one by which its attention is shown.
        """
        if not is_base(record):
            name = beside.name(record["run"]) or ""
            row = Weights(name, record["attention"], record.get("probs"), record.get("jsd"))
            self._rows.append((beside.priority, row))
            return
        named = reading or MEAN.name
        self._base = self._base or record
        self._tokens = self._tokens or tokens
        if "no_reading" in record:
            self._undefined[named] = record["no_reading"]
        else:
            self._readings.setdefault(named, record)
        for ranking, figures in (beside.figures(record) if self._whole else {}).items():
            key = _spaced(named if ranking == "attention" else ranking)
            known = self._figures.setdefault(key, {})
            known |= {what: value for what, value in figures if what not in known}
        support = beside.support(record)
        if support is not None:
            self._support = support, record["attention"]
        rows = beside.every(record) if self._whole else beside.rows(record)
        self._rows += [(beside.priority, row) for row in rows]

    def heatmap(self) -> Heatmap | None:
        """The heatmap; None where the words do not go with the weights, or there are none."""
        if self._base is None or self._tokens is None or not (self._readings or self._whole):
            return None
        keyed = self._keyed_rows(self._base)
        if any(len(row.weights) != len(self._tokens) for row in keyed.values()):
            return None
        rows = list(self._scored(keyed) if self._whole else keyed.values())
        return Heatmap(
            str(self._base["id"]),
            self._tokens,
            self._base["gold"],
            self._base["predicted"],
            rows,
            self._support_of([abs(weight) for weight in rows[0].weights]),
            [
                f"No reading {name} of this text: {reason}."
                for name, reason in self._undefined.items()
                if name not in self._readings
            ],
        )

    def _keyed_rows(self, base: Record) -> dict[str, Weights]:
        """The rows from top to bottom: readings, and then the rest, by what no two have."""
        keyed: dict[str, Weights] = {}
        for name in sorted(self._readings, key=_place) if self._whole else self._readings:
            record = self._readings[name]
            if not keyed:
                keyed[_spaced(name)] = Weights(_called(name), _signed(record), record.get("probs"))
            elif self._whole:
                keyed[_spaced(name)] = Weights(f"reading {_spaced(name)}", _signed(record))
        if not keyed:  # the words alone
            keyed[""] = Weights(ATTENTION, [0.0] * base["words"], base.get("probs"))
        for number, (_, row) in enumerate(sorted(self._rows, key=lambda one: -one[0])):
            keyed.setdefault(row.name if self._whole else f"{number}", row)
        return keyed

    def _scored(self, keyed: Mapping[str, Weights]) -> Iterator[Weights]:
        """The rows with their figures: how alike their rankings are, and what was recorded."""
        taus, _ = kendall_matrix([np.abs(row.weights) for row in keyed.values()])
        places = {key: at for at, key in enumerate(keyed)}
        reference = places.get(_spaced(_REFERENCE))
        for key, row in keyed.items():
            at = places[key]
            found: dict[str, float] = {}
            if at:
                found["tau with the attention"] = taus[0, at]
            if reference is not None and at != reference:
                found["tau with leave-one-out"] = taus[reference, at]
            figures = [(what, float(tau)) for what, tau in found.items() if not math.isnan(tau)]
            yield replace(row, figures=[*figures, *self._figures.get(key, {}).items()])

    def _support_of(self, weights: Sequence[float]) -> Support | None:
        """The support of these weights; None where it is of another reading of the attention."""
        if self._support is None:
            return None
        support, tested = self._support
        same = len(weights) == len(tested) and all(
            math.isclose(a, b, abs_tol=_SAME) for a, b in zip(weights, tested, strict=True)
        )
        return support if same else None


def _called(reading: str) -> str:
    """What attention is called that is shown by a reading: named if it is of more than weights."""
    found = READINGS.get(reading)
    wide = isinstance(found, Reading) and found.of_weights is None
    return f"{ATTENTION}, read as {reading}" if wide else ATTENTION


def _place(reading: str) -> tuple[int, str]:
    """Where a reading stands: in the order of the list, and members of families behind."""
    return (list(READINGS).index(reading) if reading in READINGS else len(READINGS), reading)


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _signed(record: Record) -> Sequence[float]:
    """The attention of a record with the signs of its reading, where that has any."""
    weights: Sequence[float] = record["attention"]
    signs: Sequence[int] | None = record.get("attention_signs")
    return weights if signs is None else [w * s for w, s in zip(weights, signs, strict=True)]
