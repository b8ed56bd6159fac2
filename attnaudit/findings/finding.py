"""One finding as reports and policies hold it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from attnaudit.config import Settings
from attnaudit.records.schema import Number

FindingName = Literal["necessary", "stable", "hard_to_manipulate", "out_of_context"]
FindingStatus = Literal["for", "against", "inconclusive", "not_assessable", "not_assessed"]


class Look(Settings):
    """The look at growing numbers of seeds that a finding rests on."""

    seeds: int = Field(ge=1, description="How many seeds had been trained.")
    level: Number = Field(gt=0, lt=1, description="The level of its interval, such as 0.982.")


class Finding(Settings):
    """What the evidence says about one desideratum of attention as an explanation."""

    status: FindingStatus = Field(description="What the evidence says.")
    reason: str = Field(description="Why, or what would settle it.")
    statistic: Number | None = Field(default=None, description="The deciding figure, or null.")
    metric: str | None = Field(default=None, description="The name of that figure, or null.")
    interval: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="Lower and upper end of its interval, or null. It is a 95 %"
        " interval unless `look` names another level.",
    )
    delta: Number | None = Field(
        default=None, description="The smallest effect of interest that it is held against."
    )
    rule: str | None = Field(default=None, description="The rule that was applied, or null.")
    edition: Literal[1, 2] = Field(
        default=2,
        description="Which edition of the rules was applied: 1 in reports of schema version 1.",
    )
    scope: str | None = Field(
        default=None, description="Which recipe, data, split, layer and row it speaks of."
    )
    look: Look | None = Field(
        default=None, description="Where the number of seeds grew: the look that decided."
    )
