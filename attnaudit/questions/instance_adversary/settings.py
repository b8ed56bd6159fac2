"""Settings of the adversary per instance."""

from __future__ import annotations

from typing import Annotated

import pydantic

from attnaudit.questions.shown import ShownSettings

LEAST_EPSILON = 1e-5  # float32 answers cannot tell apart what is much nearer

Epsilon = Annotated[float, pydantic.Field(ge=LEAST_EPSILON, lt=1)]


class InstanceSettings(ShownSettings):
    """What decides the result; stored with the records."""

    epsilons: tuple[Epsilon, ...] = pydantic.Field((0.01,), min_length=1)
    alternatives: int = pydantic.Field(1, ge=1)
    search: bool = False
    search_alternatives: int = pydantic.Field(5, ge=1)
    search_steps: int = pydantic.Field(500, ge=1)
    diversity: float = pydantic.Field(1.0, ge=0)
    restarts: int = pydantic.Field(1, ge=1)
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False

    @pydantic.field_validator("epsilons")
    @classmethod
    def _check_different(cls, epsilons: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(epsilons)) < len(epsilons):
            raise ValueError("an epsilon stands twice")
        return epsilons
