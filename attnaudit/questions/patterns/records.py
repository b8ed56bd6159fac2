"""What a record of `patterns` holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from attnaudit.questions.patterns.guides import GUIDES, KEPT
from attnaudit.questions.recorded import Answer
from attnaudit.records.fields import LARGEST, Count, Fields, Magnitude, Share, Words

Odds = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]  # log-odds, or a part of them


class Pattern(Fields, kw_only=True):
    """A pattern for each word: its places and heads by layer, None for the way past all heads.

    `along` is its influence through its places, `through` that through its heads as well.
    """

    places: list[list[Count]]
    heads: list[list[Count | None]]
    along: list[Odds]
    through: list[Odds]


class Kept(Fields, kw_only=True):
    """The answer where only some patterns are kept: see `make.ablation`."""

    tvd: Share
    flips: bool
    odds: Odds
    kept: Share


class Ablated(Fields, kw_only=True):
    """The same where patterns are kept as positions, and where they are kept as heads."""

    positions: Kept
    heads: Kept


class Patterned(Answer, kw_only=True):
    """The paths by which the words of a text reach the answer; all None for one that is too long.

    See `make` for the fields.
    """

    positions: Words
    read: Count | None
    units: list[Count | None] | None
    influence: list[Odds] | None
    completeness: Magnitude | None
    gap: Magnitude | None
    pairs: Magnitude | None
    patterns: dict[str, Pattern] | None
    ablated: dict[str, Ablated] | None
    tokens: list[str] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the parts do not go together."""
        Answer.__post_init__(self)
        if self.tokens is not UNSET:
            _same_length("tokens", self.tokens, self.words)
        if self.influence is None:
            return
        if self.patterns is None or self.ablated is None or self.units is None:
            raise ValueError("influence stands without patterns, units or ablated")
        _same_length("influence", self.influence, self.words)
        _same_length("units", self.units, self.positions)
        for named, names in ((self.patterns, GUIDES), (self.ablated, KEPT)):
            if set(named) != set(names):
                raise ValueError(f"holds {', '.join(named)} in place of {', '.join(names)}")
        layers = len(self.patterns["influence"].places[0])
        for name, pattern in self.patterns.items():
            for field in pattern.__struct_fields__:
                _same_length(f"patterns.{name}.{field}", getattr(pattern, field), self.words)
            for field in ("places", "heads"):
                for row in getattr(pattern, field):
                    _same_length(f"patterns.{name}.{field}", row, layers)
            if any(place >= self.positions for row in pattern.places for place in row):
                raise ValueError(f"patterns.{name}.places goes beyond {self.positions} positions")


def _same_length(name: str, found: Sequence[Any], length: int) -> None:
    if len(found) != length:
        raise ValueError(f"{name} has {len(found)} figures, not {length}")


def kind(record: Mapping[str, Any]) -> type[Patterned]:
    """The class that a record must be of."""
    return Patterned
