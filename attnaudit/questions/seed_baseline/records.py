"""What a record of `seed-baseline` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from attnaudit.questions.recorded import Base, GaveUp, Moved, Trained, run_of
from attnaudit.records.fields import Count, Fields, Magnitude, Record, Seed


class Controls(Fields, kw_only=True):
    """What the controls do to the audited model (see `asked`)."""

    bypassed: bool
    erased: Moved
    uniform_layers: Moved | UnsetType = UNSET


class Controlled(Base, kw_only=True):
    """The audited model; the first versions had no controls."""

    controls: Controls | UnsetType = UNSET


class SeedRun(Fields, kw_only=True):
    """A model that was trained as long as the recipe says, on one split.

    `uniform` is of older versions, which trained uniform attention no longer than that.
    """

    model: Literal["seed", "permuted", "uniform"]
    seed: Seed
    split: str


class ConvergedRun(Fields, kw_only=True):
    """A model that was trained until it stopped improving, on one split."""

    model: Literal["converged"]
    attention: Literal["learned", "uniform", "peaked", "random", "reordered"]
    seed: Seed
    split: str


class Training(Fields, kw_only=True):
    """How the training of a converged model ended (see `models.convergence`)."""

    epochs: Count
    stopped: bool
    dev_loss: Magnitude


class OfSeed(Trained, kw_only=True):
    """A model of the recipe."""

    run: SeedRun


class OfConverged(Trained, kw_only=True):
    """A converged model; the record of the first text of a split says how its training ended."""

    run: ConvergedRun
    training: Training | UnsetType = UNSET


class SeedGaveUp(GaveUp, kw_only=True):
    """A model of the recipe whose training diverged."""

    run: SeedRun


class ConvergedGaveUp(GaveUp, kw_only=True):
    """A model that was to be trained until it stops improving, and whose training diverged."""

    run: ConvergedRun


def kind(record: Mapping[str, Any]) -> type[Record]:
    """The class that a record must be of."""
    model = run_of(record).get("model")
    if "diverged" in record:
        return ConvergedGaveUp if model == "converged" else SeedGaveUp
    if model == "base":
        return Controlled
    return OfConverged if model == "converged" else OfSeed
