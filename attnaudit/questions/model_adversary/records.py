"""What a record of the model-consistent adversary holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from attnaudit.questions.recorded import Base, Trained, run_of
from attnaudit.records.fields import Fields, Record, Seed, Strength


class AdversaryRun(Fields, kw_only=True):
    """An adversary, or for lambda 0 an imitator, on one split; older ones name no start."""

    strength: Strength = msgspec.field(name="lambda")
    start: Literal["scratch", "warm"] | UnsetType = UNSET
    seed: Seed
    split: str


class OfAdversary(Trained, kw_only=True):
    """A trained model."""

    run: AdversaryRun


class Diverged(Record, kw_only=True):
    """All that there is of a training that diverged."""

    run: AdversaryRun
    diverged: bool

    def __post_init__(self) -> None:
        """Raise ValueError for a training that did not."""
        if not self.diverged:
            raise ValueError("diverged is false")


def kind(record: Mapping[str, Any]) -> type[Record]:
    """The class that a record must be of."""
    if "diverged" in record:
        return Diverged
    return Base if run_of(record).get("model") == "base" else OfAdversary
