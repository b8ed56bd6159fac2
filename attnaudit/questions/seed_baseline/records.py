"""What a record of `seed-baseline` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from attnaudit.questions.recorded import Base, Moved, Trained, run_of
from attnaudit.records.fields import Fields, Record, Seed


class Controls(Fields, kw_only=True):
    """What the controls do to the audited model (see `asked`)."""

    bypassed: bool
    erased: Moved
    uniform_layers: Moved | UnsetType = UNSET


class Controlled(Base, kw_only=True):
    """The audited model; the first versions had no controls."""

    controls: Controls | UnsetType = UNSET


class SeedRun(Fields, kw_only=True):
    """A model of the recipe on one split, with learned or with uniform attention."""

    model: Literal["seed", "uniform"]
    seed: Seed
    split: str


class OfSeed(Trained, kw_only=True):
    """A trained model."""

    run: SeedRun


def kind(record: Mapping[str, Any]) -> type[Record]:
    """The class that a record must be of."""
    return Controlled if run_of(record).get("model") == "base" else OfSeed
