"""What a record of `deceive` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from attnaudit.questions.recorded import Base, GaveUp, Trained, run_of
from attnaudit.records.fields import (
    Count,
    Drop,
    Fields,
    Record,
    Seed,
    Share,
    Strength,
    Weight,
    is_distribution,
)

PROBS = ("deleted", "other_deleted", "zeroed", "renormalised")


class Norms(Fields, kw_only=True):
    """The share of impermissible words in the norms of all words; `places` counts positions."""

    places: Share
    embedding: Share
    value: Share | UnsetType = UNSET


class Uses(Fields, kw_only=True):
    """What a model does with the impermissible words of a text that has some: see `make`."""

    count: Count
    mass: list[Weight]
    deleted: list[Share]
    other_deleted: list[Share]
    zeroed: list[Share]
    renormalised: list[Share]
    left_out: list[Share]
    other_left_out: list[Share]
    norms: Norms

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        if not self.mass:
            raise ValueError("mass has no head")
        for name in PROBS:
            probs = getattr(self, name)
            if not is_distribution(probs):
                raise ValueError(f"{name} adds up to {sum(probs):.6g}, not to 1")
        if len(self.left_out) != self.count or not self.other_left_out:
            raise ValueError(f"left_out has {len(self.left_out)} figures, not {self.count}")


class DeceiverRun(Fields, kw_only=True):
    """A model on one split that was punished for attention to impermissible words.

    `least_accuracy` is what an epoch had to reach on dev to be chosen for its attention; models
    without a penalty have none.
    """

    model: Literal["deceiver"]
    coefficient: Strength
    least_accuracy: Drop | UnsetType = UNSET
    seed: Seed
    split: str


class RemovedRun(Fields, kw_only=True):
    """A model of the recipe on one split that never sees impermissible words."""

    removed: Literal["impermissible"]
    seed: Seed
    split: str


class OfBase(Base, kw_only=True):
    """The audited model."""

    impermissible: Uses | UnsetType = UNSET


class OfDeceiver(Trained, kw_only=True):
    """A model that was trained with the penalty, or with none."""

    run: DeceiverRun
    impermissible: Uses | UnsetType = UNSET


class OfRemoved(Trained, kw_only=True):
    """A model that never sees the words."""

    run: RemovedRun


class DeceiverGaveUp(GaveUp, kw_only=True):
    """A model whose training with the penalty diverged."""

    run: DeceiverRun


class RemovedGaveUp(GaveUp, kw_only=True):
    """A model that was to see no such words, and whose training diverged."""

    run: RemovedRun


def kind(record: Mapping[str, Any]) -> type[Record]:
    """The class that a record must be of."""
    run = run_of(record)
    if run.get("model") == "base":
        return OfBase
    if "removed" in run:
        return RemovedGaveUp if "diverged" in record else OfRemoved
    return DeceiverGaveUp if "diverged" in record else OfDeceiver
