"""What a record may hold: the types of its fields, each with its range.

A question describes its records as classes made of these (see `questions.recorded`). Reading is
strict: a field that is missing, unknown, of another type or out of its range is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from attnaudit.errors import InputError

SLACK = 1e-5  # what float32 may add to a figure at the end of its range
LOOSE = 1e-2  # the same for attention, which a network may compute in bfloat16
SUM = 1e-3  # how far probabilities may add up to something else than 1
LARGEST_ROW = (1 << 26) - 1  # a place in a data set: more would fill the memory with places
LARGEST = 1e39  # beyond every float32 number, and far from what sums of squares can overflow

Row = Annotated[int, Meta(ge=0, le=LARGEST_ROW)]
Class = Annotated[int, Meta(ge=0, lt=1 << 31)]
Count = Annotated[int, Meta(ge=0, lt=1 << 31)]
Words = Annotated[int, Meta(ge=1, lt=1 << 31)]
Seed = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=-SLACK, le=1 + SLACK)]  # TVD, a probability, a fraction
Drop = Annotated[float, Meta(ge=-1 - SLACK, le=1 + SLACK)]  # of a probability
Divergence = Annotated[float, Meta(ge=-SLACK, le=0.693147181 + SLACK)]  # JSD in nats
Strength = Annotated[float, Meta(ge=0, le=1.7e308)]  # of a penalty: lambda, any finite number
Magnitude = Annotated[float, Meta(ge=0, le=LARGEST)]
Sign = Annotated[int, Meta(ge=-1, le=1)]
Weight = Annotated[float, Meta(ge=0, le=1 + LOOSE)]  # of attention


class Fields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """An object in a record: no more fields than these, and none less but those with a default."""


class Record(Fields, kw_only=True):
    """What every record holds: `row`, its place in the data set, and the `id` of the text."""

    row: Row
    id: str


# From a record to what it must be; where a question has several kinds, its run tells which.
Kind = Callable[[Mapping[str, Any]], type[Fields]]


def check(content: Mapping[str, Any], kind: Kind, where: str | None, line: int | None) -> None:
    """Raise InputError, which names the field, where a record is not what its kind says."""
    try:
        msgspec.convert(content, kind(content), strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InputError(
            f"is not a record of this kind: {_plain(str(error))}", where=where, line=line
        ) from None


def _plain(problem: str) -> str:
    """The words of msgspec, with the place first: `tvd.median: expected a float <= 1.0`."""
    said, _, place = problem.partition(" - at ")
    field = place.strip("`").removeprefix("$").lstrip(".")
    said = said[:1].lower() + said[1:]
    return f"{field}: {said}" if field else said


def is_distribution(probs: list[float]) -> bool:
    """Whether probabilities add up to 1."""
    return abs(sum(probs) - 1) <= SUM


def is_attention(weights: list[float]) -> bool:
    """Whether attention weights add up to no more than 1."""
    return sum(weights) <= 1 + LOOSE
