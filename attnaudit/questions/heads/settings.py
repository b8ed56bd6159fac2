"""Settings of `heads`."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from attnaudit.config import Settings
from attnaudit.questions.option import Option
from attnaudit.questions.shown import ShownSettings

_FILLED = Option(offered=False, filled=True)
_WORDS = Option("--knock-out", "WORD", default="none")


class Chosen(Settings):
    """What a pass over the texts is for, and what was chosen on dev before it.

    Heads are numbered through all layers from the bottom. `removed` are those that the greedy
    search has removed so far, and `orders` those in which heads are removed, by name.
    """

    stage: Literal["importance", "greedy", "audit"] = "audit"
    removed: tuple[int, ...] = ()
    orders: dict[str, tuple[int, ...]] = pydantic.Field(default_factory=dict)


class HeadsSettings(ShownSettings):
    """What decides the result; stored with the records."""

    steps: int = pydantic.Field(
        10, ge=1, le=100, description="Points of the pruning curve after the whole model."
    )
    random_orders: int = pydantic.Field(
        5, ge=1, le=100, description="Random orders of the heads beside the chosen ones."
    )
    unnormalised: bool = pydantic.Field(
        False,
        description="Whether heads are ordered by their importance as it is, and not divided by the"
        " L2 norm of the importances of their layer.",
    )
    greedy_heads: int = pydantic.Field(
        16,
        ge=0,
        le=64,
        description="The most heads that a model may have for the exact greedy order, which tries"
        " every head that is left before it removes one.",
    )
    draws: int = pydantic.Field(
        8,
        ge=0,
        le=1024,
        description="Random projections of each Jacobian, from which its norm is estimated; 0"
        " leaves out the own contribution.",
    )
    words: Annotated[tuple[str, ...], _WORDS] = pydantic.Field(
        (),
        description="A word whose keys are dropped for all rows, wherever it stands; upper and"
        " lower case are the same.",
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
    chosen: Annotated[Chosen, _FILLED] = pydantic.Field(
        Chosen(), description="What was chosen on dev; the audit fills it in."
    )
