"""What a record of `identify` holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnaudit.questions.recorded import Answer, Moved
from attnaudit.records.fields import (
    SLACK,
    Count,
    Divergence,
    Fields,
    Magnitude,
    Share,
    Words,
)


class Free(Fields, kw_only=True):
    """The weights that leave what each head gives as it is: see `make.detached`.

    `values` and `output` are the dimensions of the set where the average of the values is kept, and
    what the output map makes of it; None where the model shows no such map. The rest is of what the
    settings keep: the share of tokens whose weight is the same in all of the set, and how far (JSD)
    the member of least norm is from the model's own weights.
    """

    values: list[Count]
    output: list[Count] | None
    fixed: list[Share]
    jsd: list[Divergence]


class Made(Fields, kw_only=True):
    """The weights among them that some query makes, near the model's own: see `make.producible`."""

    directions: list[Count]
    freedom: list[Count]
    condition: list[Magnitude | None]


class Read(Fields, kw_only=True):
    """The answer under other weights: those of one head at a time (the farthest), and of all."""

    alone: Moved
    together: Moved


class Ranges(Fields, kw_only=True):
    """How far each weight can move, by head and position, and the fewest tokens that were met.

    An end is None where a linear program failed. `read` is the answer at the ends, and under the
    weights on the fewest tokens in all heads.
    """

    low: list[list[Share | None]]
    high: list[list[Share | None]]
    support: list[Words]
    read: Read


class Elsewhere(Fields, kw_only=True):
    """What Newton's method found by head: see `make.producible.Others`.

    `jsd` is that of the farthest from the model's own weights. `read` is the farthest answer under
    one of them; None where none was found.
    """

    starts: Count
    same: list[Count]
    unsolved: list[Count]
    found: list[Count]
    jsd: list[Divergence | None]
    read: Moved | None


class Identified(Answer, kw_only=True):
    """What the heads of the audited row pin down in a text; `positions` are its attendable ones."""

    positions: Words
    detached: Free
    producible: Made | None
    least_norm: Read
    intervals: Ranges | None
    others: Elsewhere | None

    def __post_init__(self) -> None:
        """Raise ValueError where parts differ in their heads or positions."""
        Answer.__post_init__(self)
        heads = len(self.detached.values)
        if not heads:
            raise ValueError("detached.values has no head")
        for name in ("detached", "producible", "others"):
            part = getattr(self, name)
            for field in part.__struct_fields__ if part else ():
                found = getattr(part, field)
                if isinstance(found, list):
                    _same_length(f"{name}.{field}", found, heads)
        if self.intervals:
            for field in ("low", "high", "support"):
                _same_length(f"intervals.{field}", getattr(self.intervals, field), heads)
            for low, high in zip(self.intervals.low, self.intervals.high, strict=True):
                _same_length("intervals.low", low, self.positions)
                _same_length("intervals.high", high, self.positions)
                for least, most in zip(low, high, strict=True):
                    if least is not None and most is not None and least > most + SLACK:
                        raise ValueError(f"intervals: {least:.6g} is above {most:.6g}")


def _same_length(name: str, found: Sequence[Any], length: int) -> None:
    if len(found) != length:
        raise ValueError(f"{name} has {len(found)} figures, not {length}")


def kind(record: Mapping[str, Any]) -> type[Identified]:
    """The class that a record must be of."""
    return Identified
