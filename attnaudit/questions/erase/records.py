"""What a record of `erase` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.questions.erase.shares import BINS, KINDS, SHUFFLES
from attnaudit.questions.erase.support_rule import LEAST_DRAWS, Status
from attnaudit.questions.recorded import Integration, Moved, Read
from attnaudit.records.fields import Count, Divergence, Drop, Fields, Magnitude, Share


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
    """Shares of items erased when the decision flips, by criterion; null for never.

    `attention` is left out where the text has no reading of it.
    """

    attention: Share | UnsetType | None = UNSET
    gradient: Share | None
    attention_gradient: Share | None
    random: list[Share | None]
    optimum: Share | UnsetType | None = UNSET


class Tested(Fields, kw_only=True):
    """How far the answer moves (TVD) for some words, and for any draw of others; see `Support`."""

    tvd: Share | None
    largest: Share | None
    status: Status


class Support(Tested, kw_only=True):
    """Whether the words that the attention highlights carry the answer: `erase.support_rule`.

    `words` are their places, and `draws` is how many draws of other words there are. The test of a
    `random` heatmap has draws of its own; that in which the words are `deleted` has the same.
    """

    words: list[Count]
    draws: Count
    random: Tested
    deleted: Tested

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        for name, test in (("support", self), ("random", self.random), ("deleted", self.deleted)):
            known = (test.tvd is not None, test.largest is not None, test.status != "not_judged")
            if set(known) != {self.draws >= LEAST_DRAWS}:
                raise ValueError(f"{name} does not go with {self.draws} draws")


class Marked(Fields, kw_only=True):
    """Shares of the attention and of the words that lie on the words that people marked."""

    attention: Share
    words: Share


class Erased(Read, kw_only=True):
    """What follows when weights are erased and words deleted; the first versions held less."""

    single: Single | None
    fractions: Fractions
    all_erased: Moved | UnsetType | None = UNSET
    residual_ratio: Magnitude | UnsetType | None = UNSET
    support: Support | UnsetType = UNSET
    comprehensiveness: dict[str, list[Drop | None]]
    sufficiency: dict[str, list[Drop | None]]
    plausibility: dict[str, dict[str, Share | None]] | None
    marked: Marked | UnsetType = UNSET
    integration: dict[str, Integration] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Read.__post_init__(self)
        if (self.fractions.attention is UNSET) != (self.no_reading is not UNSET):
            raise ValueError("fractions.attention does not go with no_reading")
        if self.no_reading is not UNSET and self.support is not UNSET:
            raise ValueError("support does not go with no_reading")
        if len(self.fractions.random) != SHUFFLES:
            raise ValueError(f"fractions.random has {len(self.fractions.random)} shares")
        if self.support is not UNSET and (
            not self.support.words or max(self.support.words) >= self.words
        ):
            raise ValueError(f"support.words are not positions among {self.words} words")
        for name, agreements in (self.plausibility or {}).items():
            if unknown := agreements.keys() - set(AGREEMENTS):
                raise ValueError(f"plausibility.{name} contains an unknown {min(unknown)!r}")
        for what in KINDS:
            for name, figures in getattr(self, what).items():
                if len(figures) != len(BINS):
                    raise ValueError(f"{what}.{name} has {len(figures)} figures, not {len(BINS)}")


def kind(record: Mapping[str, Any]) -> type[Erased]:
    """The class that a record must be of."""
    return Erased
