"""What a record of `erase` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from attnaudit.questions.erase.shares import AGREEMENTS, BINS, KINDS, SHUFFLES
from attnaudit.questions.recorded import Attended, Integration, Moved
from attnaudit.records.fields import Divergence, Drop, Fields, Magnitude, Share


class PairOfDivergences(Fields, kw_only=True):
    """Of the answer without the top item, and without a random one."""

    top: Divergence
    random: Divergence


class PairOfFlips(Fields, kw_only=True):
    """Whether the decision flips without the top item, and without a random one."""

    top: bool
    random: bool


class Single(Fields, kw_only=True):
    """One weight erased."""

    gap: Share
    jsd: PairOfDivergences
    flip: PairOfFlips


class Fractions(Fields, kw_only=True):
    """Shares of items erased when the decision flips, by criterion; null for never."""

    attention: Share | None
    gradient: Share | None
    attention_gradient: Share | None
    random: list[Share | None]
    optimum: Share | UnsetType | None = UNSET


class Erased(Attended, kw_only=True):
    """What follows when weights are erased and words deleted; the first versions held less."""

    single: Single | None
    fractions: Fractions
    all_erased: Moved | UnsetType | None = UNSET
    residual_ratio: Magnitude | UnsetType | None = UNSET
    comprehensiveness: dict[str, list[Drop | None]]
    sufficiency: dict[str, list[Drop | None]]
    plausibility: dict[str, dict[str, Share | None]] | None
    integration: dict[str, Integration] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Attended.__post_init__(self)
        if len(self.fractions.random) != SHUFFLES:
            raise ValueError(f"fractions.random has {len(self.fractions.random)} shares")
        for name, agreements in (self.plausibility or {}).items():
            if unknown := agreements.keys() - set(AGREEMENTS):
                raise ValueError(f"plausibility.{name} holds an unknown {min(unknown)!r}")
        for what in KINDS:
            for name, figures in getattr(self, what).items():
                if len(figures) != len(BINS):
                    raise ValueError(f"{what}.{name} has {len(figures)} figures, not {len(BINS)}")


def kind(record: Mapping[str, Any]) -> type[Erased]:
    """The class that a record must be of."""
    return Erased
