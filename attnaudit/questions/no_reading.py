"""Texts that the reading of the attention is undefined for: how many, and why.

Their records hold `attention` with null for each word, and `no_reading`, the reason. All else that
they hold is as in other records. Figures that compare rankings leave these texts out, also those of
other rankings, so that all rankings are compared on the same texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.errors import InputError
from attnaudit.measures.columns import Frame
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Estimate
from attnaudit.questions.text_facts import NO_READING
from attnaudit.readings import find_reading
from attnaudit.readings.reading import Reading
from attnaudit.records.metric import UNIT

Array = NDArray[np.float64]
_HINT = "take another --reading, or other texts"


class NoReading:
    """What the records of a `question` say of texts without the `reading`."""

    def __init__(self, question: str, reading: str) -> None:
        self.reading, self._name = reading, f"{question}{NO_READING}"
        self._reasons = Counter[str]()
        self._frame = Frame([self._name])

    def add(self, record: Mapping[str, Any]) -> bool:
        """Take in a record; whether it has the reading."""
        reason = record.get("no_reading")
        if reason is not None:
            self._reasons[reason] += 1
        self._frame.add([float(reason is not None)])
        return reason is None

    @property
    def texts(self) -> int:
        """How many texts are without it."""
        return self._reasons.total()

    @property
    def columns(self) -> Mapping[str, Array]:
        """(n,) whether each text is without it, by the metric; none for a reading of weights."""
        wide = find_reading(self.reading).of_weights is None
        return self._frame if wide or self.texts else {}

    def metrics(self, sample: Sample) -> dict[str, Estimate]:
        """The share of the texts without it; none for a reading of the weights alone.

        Raises InputError where no text has the reading.
        """
        if self.texts == self._frame.size:
            raise _nowhere(self.reading, self._reasons)
        return sample.means(self.columns, lambda _: UNIT)

    def notes(self) -> list[str]:
        """A remark that counts them, with the reasons; none where every text has the reading."""
        if not self.texts:
            return []
        have = "has" if self.texts == 1 else "have"
        return [
            f"{_counted(self.texts)} of {self._frame.size:,} {have} no reading {self.reading}:"
            f" {_listed(self._reasons)}. All figures that compare rankings leave out these texts,"
            " so every ranking is compared on the same"
            f" {_counted(self._frame.size - self.texts)}."
        ]


def check_read(records: Iterable[Mapping[str, Any]], reading: str) -> None:
    """Raise InputError where there are records, and none of them has the reading.

    It stops at the first that has it.
    """
    reasons = Counter[str]()
    for record in records:
        if "no_reading" not in record:
            return
        reasons[record["no_reading"]] += 1
    if reasons:
        raise _nowhere(reading, reasons)


def check_lengths(reading: Reading, tokens: Sequence[int] | NDArray[np.int64]) -> None:
    """Raise InputError where texts of so many `tokens` are all longer than the reading takes."""
    if reading.most is not None and min(tokens) > reading.most:
        raise _nowhere(reading.name, {reading.too_long: len(tokens)})


def spread(columns: Mapping[str, Array], there: NDArray[np.bool_]) -> dict[str, Array]:
    """Columns of the texts that are `there` (n,) as columns of all, NaN for the others."""
    found: dict[str, Array] = {}
    for name, values in columns.items():
        found[name] = np.full(len(there), np.nan)
        found[name][there] = values
    return found


def _nowhere(reading: str, reasons: Mapping[str, int]) -> InputError:
    return InputError(f"no text has the reading {reading}: {_listed(reasons)}", hint=_HINT)


def _listed(reasons: Mapping[str, int]) -> str:
    """The reasons with their counts, the commonest first."""
    order = sorted(reasons, key=lambda reason: (-reasons[reason], reason))
    return "; ".join(f"{_counted(reasons[reason])} with {reason}" for reason in order)


def _counted(texts: int) -> str:
    return f"{texts:,} text{'' if texts == 1 else 's'}"
