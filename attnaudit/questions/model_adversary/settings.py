"""Settings of the model-consistent adversary."""

from __future__ import annotations

import pydantic

from attnaudit.questions.model_adversary.seeds_tvd import SeedsTvd
from attnaudit.questions.model_adversary.strengths import GRID
from attnaudit.questions.shown import ShownSettings


class ModelSettings(ShownSettings):
    """What decides the result; stored with the records.

    0 need not be among the `lambdas`; `refine` strengths are added to them, chosen on dev.
    """

    lambdas: tuple[float, ...] = GRID
    refine: int = pydantic.Field(0, ge=0)
    seeds: int = pydantic.Field(3, ge=1)
    epochs: int = pydantic.Field(40, ge=1)
    patience: int = pydantic.Field(10, ge=1)
    seeds_tvd: SeedsTvd | None = None
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False

    @pydantic.field_validator("lambdas")
    @classmethod
    def _usable(cls, lambdas: tuple[float, ...]) -> tuple[float, ...]:
        if not lambdas:
            raise ValueError("needs at least one; `skip: [model-adversary]` trains none")
        if min(lambdas) < 0:
            raise ValueError("lambda must be 0 or more")
        if len(set(lambdas)) < len(lambdas):
            raise ValueError("a lambda is given twice")
        return lambdas
