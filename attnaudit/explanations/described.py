"""The entries of what two rooms list: importances and readings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from attnaudit.explanations.entry import Entry, Kind
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.importance import Importance
from attnaudit.readings import READINGS
from attnaudit.readings.reading import Family, Reading
from attnaudit.records.metric import CONTROLS


def importances() -> Iterator[Entry]:
    """An entry for each importance."""
    for name, importance in IMPORTANCES.items():
        beside = ("floor",) if name in CONTROLS else ("floor", "reference")
        yield described("importance", importance, "[0, inf); only the order counts", beside)


def readings() -> Iterator[Entry]:
    """An entry for each reading, and for each family of them."""
    for reading in READINGS.values():
        entry = of_reading(reading)
        yield replace(entry, aliases=("one head",)) if isinstance(reading, Family) else entry


def of_reading(reading: Reading | Family) -> Entry:
    """The entry of a reading, or of a family of them."""
    signed = isinstance(reading, Reading) and reading.directed
    bounds = "[0, 1] after division by the sum" + (", beside a sign" if signed else "")
    entry = described("reading", reading, bounds, ("head",))
    return replace(entry, needs=reading.asks, cost=reading.takes)


def described(
    kind: Kind, thing: Importance | Reading | Family, bounds: str, beside: tuple[str, ...]
) -> Entry:
    """The entry of one of them, whose figures lie in `bounds`."""
    return Entry(
        kind,
        thing.name,
        thing.definition,
        formula=thing.formula,
        range=bounds,
        beside=beside,
        traps=thing.traps,
        source=thing.source,
    )
