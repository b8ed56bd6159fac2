"""What of the attention is shown and ranked: every reading, and the only list of them."""

from __future__ import annotations

from functools import cache

from attnaudit.errors import InputError, did_you_mean
from attnaudit.readings import (
    alti,
    attribution,
    decomposition,
    effective,
    gradients,
    norms,
    rollout,
    value_zeroing,
)
from attnaudit.readings.heads import HEAD, MAX, MEAN
from attnaudit.readings.reading import Family, Reading
from attnaudit.readings.rows import COLUMN_MASS

READINGS: dict[str, Reading | Family] = {
    reading.name: reading
    for reading in (
        *(MEAN, MAX, HEAD, COLUMN_MASS),
        *rollout.FAMILY,
        *norms.FAMILY,
        *effective.FAMILY,
        *value_zeroing.FAMILY,
        *alti.FAMILY,
        *gradients.FAMILY,
        *attribution.FAMILY,
        *decomposition.FAMILY,
    )
}


@cache
def find_reading(name: str) -> Reading:
    """The reading called `name`, or the member of a family; raises InputError for any other."""
    for reading in READINGS.values():
        found = reading.of(name) if isinstance(reading, Family) else reading
        if found is not None and found.name == name:
            return found
    known = [name.format(number=0) for name in READINGS]
    raise InputError(f"unknown reading {name!r}", hint=did_you_mean(name, known))
