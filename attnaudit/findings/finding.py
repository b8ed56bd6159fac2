"""One finding as reports and policies hold it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from attnaudit.config import Settings
from attnaudit.records.schema import Number

FindingName = Literal["necessary", "stable", "hard_to_manipulate", "out_of_context"]
FindingStatus = Literal["for", "against", "inconclusive", "not_assessable", "not_assessed"]

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Look(Settings):
    """The look at growing numbers of seeds that a finding rests on."""

    seeds: int = Field(ge=1, description="How many seeds had been trained at this look.")
    level: Number = Field(gt=0, lt=1, description="The level of its interval, such as 0.982.")


class ChanceAt(Settings):
    """The chance of an answer, *for* or *against*, if the true effect is the one named."""

    effect: Number = Field(description="The true effect that is assumed.")
    chance: Number = Field(
        ge=0,
        le=1,
        description="The chance that delta lies outside the interval (an answer is reached), 0 "
        "to 1.",
    )


class Chances(Settings):
    """The chance of an answer at three true effects."""

    none: ChanceAt = Field(description="If there is no effect.")
    seen: ChanceAt = Field(description="If the effect is the one that was seen.")
    twice_delta: ChanceAt = Field(
        description="If the effect is twice delta, or the largest possible one if that is less."
    )


class Size(Settings):
    """So many seeds on so many texts."""

    seeds: int = Field(ge=2, description="The number of seeds.")
    texts: int = Field(ge=1, description="The number of texts.")


class Power(Settings):
    """What makes a finding uncertain, and what it would take to reach an answer."""

    seeds: int = Field(ge=2, description="The seeds that the finding rests on.")
    texts: int = Field(ge=1, description="The texts that it rests on.")
    share_seeds: Share = Field(description="The seeds' share of the variance, 0 to 1.")
    share_texts: Share = Field(description="The texts' share of the variance, 0 to 1.")
    share_both: Share = Field(
        description="The share of the variance that comes from single seeds on single texts, 0 "
        "to 1."
    )
    seeds_needed: int | None = Field(
        ge=2,
        description="The number of seeds that reaches an answer four times in five on the same "
        "number of texts, if the true effect is the one seen; null if no number of seeds does.",
    )
    texts_needed: int | None = Field(
        ge=1,
        description="The number of texts that reaches an answer four times in five with the same "
        "number of seeds, if the true effect is the one seen; null if no number of texts "
        "does.",
    )
    both_needed: Size | None = Field(
        description="If neither more seeds alone nor more texts alone reach an answer: a size that "
        "does; else null."
    )
    chances: Chances = Field(description="The chance of an answer at the present size.")


class Finding(Settings):
    """What the evidence says about one desideratum of attention as an explanation."""

    status: FindingStatus = Field(description="What the evidence says.")
    reason: str = Field(description="Why, or what would bring a decision.")
    statistic: Number | None = Field(default=None, description="The deciding figure, or null.")
    metric: str | None = Field(default=None, description="The name of that figure, or null.")
    interval: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="Lower and upper end of its interval, or null. It is a 95 %"
        " interval unless `look` names another level.",
    )
    delta: Number | None = Field(
        default=None,
        description="The smallest effect that matters, with which the figure is compared.",
    )
    rule: str | None = Field(default=None, description="The rule that was applied, or null.")
    edition: Literal[1, 2] = Field(
        default=2,
        description="Which edition of the rules was applied: 1 in reports of schema version 1.",
    )
    scope: str | None = Field(
        default=None, description="Which recipe, data, split, layer and row it is about."
    )
    look: Look | None = Field(
        default=None, description="Where the number of seeds grew: the look that decided."
    )
    power: Power | None = Field(
        default=None,
        description="What would lead an inconclusive finding to an answer, or null. Older reports"
        " lack it.",
    )
