"""The records of `compare-readings` as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.columns import Frame
from attnaudit.questions.basics import Basics
from attnaudit.questions.compare_readings.names import BASE, EXACT_WORDS, SOFT
from attnaudit.questions.compare_readings.settings import CompareReadingsSettings
from attnaudit.questions.erase.shares import KINDS

Array = NDArray[np.float64]
PEOPLE = ("token_f1", "auprc")
NORMALISED = tuple(f"normalised_{kind}" for kind in KINDS)
PREFIX = "compare_readings."
ALIKE = 1e-6  # probabilities that differ by less differ by rounding


class Gathered:
    """The texts, column by column: the name of a metric without its first part, and NaN for none.

    `undefined` counts the texts by ranking that it is undefined for, and by reason; `long` and
    `searched` those without least and greatest scores, and those in which a search found these;
    `unmarked` those without a human rationale.
    """

    def __init__(
        self, records: Iterable[Mapping[str, Any]], settings: CompareReadingsSettings
    ) -> None:
        self.settings, self.names = settings, settings.rankings
        self.basics, self.undefined = Basics(), Counter[tuple[str, str]]()
        self.long = self.searched = self.unmarked = 0
        self.columns = Frame(self._named())
        for record in records:
            self._add(record)

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return len(self.basics.ids)

    @property
    def marked(self) -> bool:
        """Whether people marked words in any text."""
        return self.unmarked < self.texts

    def _named(self) -> list[str]:
        operators, path = self.settings.operators or (), self.settings.path
        figures = [f"{o}.{kind}" for o in operators for kind in (*KINDS, "gain")]
        if self.settings.draws:
            figures += [f"{way}.{figure}" for way in SOFT for figure in NORMALISED]
        figures += [f"{path}.flip_fraction", f"{path}.naopc", "tau", *PEOPLE]
        by_ranking = (f"{PREFIX}{figure}.{name}" for figure in figures for name in self.names)
        return [*by_ranking, f"{PREFIX}{path}.range"]

    def _add(self, record: Mapping[str, Any]) -> None:
        self.basics.add(record)
        self.undefined.update(record["undefined"].items())
        row: list[float | None] = []
        for operator in self.settings.operators or ():
            by_kind = record["erased"][operator]
            means = {
                kind: {name: _mean(figures) for name, figures in by_kind[kind].items()}
                for kind in KINDS
            }
            base = means[KINDS[0]].get(BASE)
            row += [means[kind].get(name) for kind in KINDS for name in self.names]
            row += [_less(means[KINDS[0]].get(name), base) for name in self.names]
        if self.settings.draws:
            row += self._softly(record["soft"])
        path, people = record["path"], record["plausibility"]
        low, high = path["least"], path["greatest"]
        for name in self.names:
            defined = name in path["flip_fraction"]
            gone = path["flip_fraction"].get(name)
            row.append((1.0 if gone is None else gone) if defined else None)
        row += [between(path["aopc"].get(name), low, high) for name in self.names]
        row += [record["tau"].get(name) for name in self.names]
        row += [
            None if people is None else people.get(name, {}).get(figure)
            for figure in PEOPLE
            for name in self.names
        ]
        row.append(None if low is None else max(0.0, high - low))
        self.columns.add(row)
        self.unmarked += people is None
        self.long += record["words"] > self.settings.longest
        self.searched += low is not None and record["words"] > EXACT_WORDS

    def _softly(self, soft: Mapping[str, Any] | None) -> list[float | None]:
        """`NORMALISED` of each way, ranking by ranking; None where no part of a text matters."""
        if soft is None or soft["nothing"] < ALIKE:
            return [None] * (len(SOFT) * len(KINDS) * len(self.names))
        return [
            None
            if (fall := soft[way][kind].get(name)) is None
            else normalised(fall, soft["nothing"], kind)
            for way in SOFT
            for kind in KINDS
            for name in self.names
        ]


def normalised(fall: float, nothing: float, kind: str) -> float:
    """Zhao & Aletras's (2023) bounded score in [0, 1], where more is better.

    `nothing` (above 0) is the fall if no part of the text is kept. Comprehensiveness is
    `fall / nothing`, and sufficiency 1 less that, both within [0, 1].
    """
    share = min(1.0, max(0.0, fall) / nothing)
    return share if kind == "comprehensiveness" else 1.0 - share


def _mean(figures: Sequence[float]) -> float:
    return sum(figures) / len(figures)


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def between(score: float | None, low: float | None, high: float | None) -> float | None:
    """Where a score lies between two ends, in [0, 1]; None where these are (about) one."""
    if score is None or low is None or high is None or high - low < ALIKE:
        return None
    return min(1.0, max(0.0, (score - low) / (high - low)))
