"""Settings of the model-consistent adversary."""

from __future__ import annotations

import pydantic

from attnaudit.config import Settings
from attnaudit.questions.model_adversary.seeds_tvd import SeedsTvd
from attnaudit.questions.model_adversary.strengths import GRID


class ModelSettings(Settings):
    """What decides the result; stored with the records.

    0 need not be among the `lambdas`; `refine` strengths are added to them, chosen on dev.
    """

    lambdas: tuple[float, ...] = pydantic.Field(
        GRID,
        description="The weights of attending otherwise against answering alike; imitators, with "
        "lambda 0, are trained in any case.",
    )
    refine: int = pydantic.Field(
        0, ge=0, description="How many more lambdas a sweep adds, where dev says that it matters."
    )
    seeds: int = pydantic.Field(3, ge=1, description="How many models to train for each lambda.")
    epochs: int = pydantic.Field(40, ge=1, description="The most epochs of one training.")
    patience: int = pydantic.Field(
        10, ge=1, description="A training stops after so many epochs without a better one on dev."
    )
    seeds_tvd: SeedsTvd | None = pydantic.Field(
        None,
        description="How far other seeds move the answers on dev; a sweep adds lambdas near it.",
    )
    seed: int = pydantic.Field(
        0,
        ge=0,
        description="The first seed of the models to train, and the seed of all resampling.",
    )
    text: bool = pydantic.Field(
        False, description="Whether the records keep the words; without it they hold numbers only."
    )

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
