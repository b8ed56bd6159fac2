"""Settings of the adversary per instance."""

from __future__ import annotations

from typing import Annotated

import pydantic

from attnaudit.questions.option import HIDDEN, Option
from attnaudit.questions.shown import ShownSettings

LEAST_EPSILON = 1e-5  # float32 answers cannot tell apart what is much nearer

Epsilon = Annotated[float, pydantic.Field(ge=LEAST_EPSILON, lt=1)]


class InstanceSettings(ShownSettings):
    """What decides the result; stored with the records."""

    epsilons: Annotated[tuple[Epsilon, ...], Option("--epsilon", default="0.01")] = pydantic.Field(
        (0.01,),
        min_length=1,
        description="How far the answer may move, as a TVD from 0 to 1. Tables show the first "
        "value first.",
    )
    alternatives: int = pydantic.Field(
        1, ge=1, description="How many different sets of weights to find for each text."
    )
    search: bool = pydantic.Field(
        False, description="Also run the search of Jain & Wallace 2019, for comparison."
    )
    search_alternatives: int = pydantic.Field(
        5, ge=1, description="How many sets of weights that search looks for at once."
    )
    search_steps: Annotated[int, HIDDEN] = pydantic.Field(
        500, ge=1, description="How many steps that search takes."
    )
    diversity: float = pydantic.Field(
        1.0,
        ge=0,
        allow_inf_nan=False,
        description="How much that search rewards sets of weights that differ from each other.",
    )
    restarts: int = pydantic.Field(
        1, ge=1, description="How many times that search starts, each time from other weights."
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
    text: bool = pydantic.Field(
        False,
        description="Keep the words in the records. Without this option, records contain only "
        "numbers.",
    )

    @pydantic.field_validator("epsilons")
    @classmethod
    def _check_different(cls, epsilons: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(epsilons)) < len(epsilons):
            raise ValueError("the same value occurs twice")
        return epsilons
