"""What a command would do: what `--dry-run` counts and estimates, before anything runs.

Counts are of texts, not of calls: a batch of 200 texts that goes through the model once is 200
forward passes, whatever is done at once. They follow from lengths and settings alone; each question
and each importance says its own. Times and memory are extrapolated from a few texts and steps that
are really worked on; see `estimate`. `attnaudit ... --dry-run --json` prints a `WorkPlan` as it
stands here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from attnaudit.config import Settings
from attnaudit.models.passes import Passes

PLAN_VERSION: Literal[1] = 1

EffectName = Literal["none", "pilot", "twice_delta"]


class Span(Settings):
    """Seconds: a guess, between two that would surprise little."""

    low: NonNegativeFloat = 0.0
    likely: NonNegativeFloat = 0.0
    high: NonNegativeFloat = 0.0

    def __add__(self, other: Span) -> Span:
        return Span(
            low=self.low + other.low,
            likely=self.likely + other.likely,
            high=self.high + other.high,
        )

    def times(self, factor: float) -> Span:
        """So many times as long."""
        return Span(low=factor * self.low, likely=factor * self.likely, high=factor * self.high)


class Trainings(Settings):
    """Trainings of one kind. One that no longer gains on dev stops early."""

    kind: str = Field(description="What is trained.")
    count: NonNegativeInt = Field(description="How many.")
    epochs_least: NonNegativeInt = Field(description="Epochs of the shortest possible training.")
    epochs_most: NonNegativeInt = Field(description="Epochs of the longest possible training.")
    steps: NonNegativeInt = Field(description="Optimiser steps of an epoch.")


class Stage(Settings):
    """A piece of the work."""

    name: Literal["check", "training", "records", "summary"]
    seconds: Span


class Part(Settings):
    """A training, or an audit."""

    name: str = Field(description="check, train, or the audit's name.")
    split: str = Field(description="The part of the data that is audited, or learned from.")
    instances: NonNegativeInt = Field(description="Its usable texts.")
    batches: NonNegativeInt = Field(description="How many batches they make.")
    passes: Passes
    trainings: tuple[Trainings, ...] = ()
    stages: tuple[Stage, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> Span:
        """Of all stages."""
        return total(stage.seconds for stage in self.stages)


class ChanceRange(Settings):
    """The chance of an answer at one true effect, over what the pilot leaves open."""

    name: EffectName = Field(description="Which effect is meant.")
    effect: float = Field(description="The true effect that is assumed.")
    low: float = Field(
        ge=0, le=1, description="The smallest chance over the 80 % intervals of the variances."
    )
    likely: float = Field(
        ge=0, le=1, description="The chance if the variances are those of the pilot."
    )
    high: float = Field(
        ge=0, le=1, description="The largest chance over the 80 % intervals of the variances."
    )


class Design(Settings):
    """A size at which an answer comes four times in five, if the effect is the pilot's."""

    seeds: int = Field(ge=2, description="Seeds.")
    texts: int = Field(ge=1, description="Texts of the audited split.")
    seconds: Span | None = Field(
        description="The time that its seeds take; null if it is not known."
    )


class PowerRow(Settings):
    """The chances of one figure that a finding rests on."""

    finding: str = Field(description="The finding.")
    figure: str = Field(description="The figure, in words.")
    delta: float = Field(description="The smallest effect that matters.")
    seeds: int = Field(ge=2, description="The seeds that are planned.")
    texts: int = Field(ge=1, description="The texts of the audited split.")
    share_seeds: float = Field(
        ge=0, le=1, description="The seeds' share of the variance at that size."
    )
    share_texts: float = Field(
        ge=0, le=1, description="The texts' share of the variance at that size."
    )
    share_both: float = Field(
        ge=0, le=1, description="The share that comes from single seeds on single texts."
    )
    chances: tuple[ChanceRange, ...] = Field(description="At three true effects.")
    too_small: bool = Field(
        description="Whether the pilot is too small: the same chance may be below .2 or above .8."
    )
    design: Design | None = Field(
        description="The cheapest size that is enough for the pilot's effect; null if there is "
        "none."
    )


class Imitators(Settings):
    """What is known beforehand of the finding on manipulation."""

    trained: NonNegativeInt = Field(description="Imitators that the pilot trained.")
    usable: NonNegativeInt = Field(description="Those that answer as closely as other seeds do.")
    seconds: Span = Field(description="The time that all adversaries of the plan take.")


class PowerPlan(Settings):
    """The chance that an audit of this size reaches answers, from a pilot on the audited split."""

    pilot_seeds: int = Field(ge=2, description="Seeds that the pilot trained.")
    split: str = Field(description="The split that the pilot was measured on: the audited one.")
    texts: int = Field(ge=1, description="Its texts.")
    seconds: NonNegativeFloat = Field(description="The time that the pilot took.")
    rows: tuple[PowerRow, ...] = Field(description="The figures that findings use.")
    imitators: Imitators | None = Field(
        description="About the finding hard_to_manipulate, or null."
    )
    notes: tuple[str, ...] = ()


class WorkPlan(Settings):
    """What a command would do, and how long and how large it would be."""

    plan_version: Literal[1] = PLAN_VERSION
    command: str = Field(description="The subcommand.")
    model: str | None = Field(description="The model as it was named; null for a training.")
    dataset: str = Field(description="The data set as it was named.")
    device: str = Field(description="The device that would run the model.")
    threads: int = Field(ge=1, description="CPU threads of each worker.")
    workers: int = Field(ge=1, description="Processes that share the work.")
    check: Part | None = Field(
        None,
        description="The check of the model on the data, before any record; null if no model is "
        "audited.",
    )
    parts: tuple[Part, ...]
    loading: Span = Field(description="Seconds to start, and to load and check model and data.")
    seconds: Span = Field(description="Seconds in total: loading, check and all parts.")
    memory_bytes: NonNegativeInt | None = Field(
        description="Peak memory of the process, and of each worker, within a factor of two; "
        "null if it is not known."
    )
    device_memory_bytes: NonNegativeInt | None = Field(
        None, description="Peak memory on the GPU; null if there is none."
    )
    power: PowerPlan | None = Field(
        None, description="The chances of its findings; null unless you asked for them."
    )


def total(spans: Iterable[Span]) -> Span:
    """One after the other."""
    return sum(spans, Span())
