"""Settings of the adversary per instance."""

from __future__ import annotations

from typing import Annotated

import pydantic

from attnaudit.config import Settings

LEAST_EPSILON = 1e-5  # float32 answers cannot tell apart what is much nearer

Epsilon = Annotated[float, pydantic.Field(ge=LEAST_EPSILON, lt=1)]


class InstanceSettings(Settings):
    """What decides the result; stored with the records."""

    epsilons: tuple[Epsilon, ...] = pydantic.Field(
        (0.01,),
        min_length=1,
        description="How far the answer may move, as a TVD; the tables lead with the first one.",
    )
    alternatives: int = pydantic.Field(
        1, ge=1, description="How many weights to find for a text, each unlike those before it."
    )
    search: bool = pydantic.Field(
        False, description="Whether the search of Jain & Wallace 2019 runs too, for comparison."
    )
    search_alternatives: int = pydantic.Field(
        5, ge=1, description="How many weights that search looks for at once."
    )
    search_steps: int = pydantic.Field(500, ge=1, description="How many steps that search takes.")
    diversity: float = pydantic.Field(
        1.0, ge=0, description="How much that search rewards weights that are unlike each other."
    )
    restarts: int = pydantic.Field(
        1, ge=1, description="How many times that search starts, each time from another place."
    )
    seed: int = pydantic.Field(
        0, ge=0, description="The seed of everything that is random in the audit."
    )
    text: bool = pydantic.Field(
        False, description="Whether the records keep the words; without it they hold numbers only."
    )

    @pydantic.field_validator("epsilons")
    @classmethod
    def _check_different(cls, epsilons: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(epsilons)) < len(epsilons):
            raise ValueError("an epsilon stands twice")
        return epsilons
