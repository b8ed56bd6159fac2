"""Settings of the model-consistent adversary."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import pydantic

from attnaudit.questions.model_adversary.seeds_tvd import SeedsTvd, read_seeds_tvd
from attnaudit.questions.model_adversary.strengths import GRID
from attnaudit.questions.option import HIDDEN, Option
from attnaudit.questions.scored import ScoredSettings

_LAMBDAS = Option("--lambda", default="none is trained")
_SEEDS = Option(
    "--seed-baseline",
    "FILE",
    parse=lambda given: read_seeds_tvd(Path(given)),
    filled=True,
)


class ModelSettings(ScoredSettings):
    """What decides the result; stored with the records.

    0 need not be among the `lambdas`; `refine` strengths are added to them, chosen on dev.
    """

    lambdas: Annotated[tuple[float, ...], _LAMBDAS] = pydantic.Field(
        GRID,
        description="The weights of attending otherwise against answering alike; imitators, with "
        "lambda 0, are trained in any case.",
    )
    refine: Annotated[int, HIDDEN] = pydantic.Field(
        0, ge=0, description="How many more lambdas a sweep adds, where dev says that it matters."
    )
    seeds: int = pydantic.Field(3, ge=1, description="How many models to train for each lambda.")
    epochs: int = pydantic.Field(40, ge=1, description="The most epochs of one training.")
    patience: int = pydantic.Field(
        10, ge=1, description="A training stops after so many epochs without a better one on dev."
    )
    seeds_tvd: Annotated[SeedsTvd | None, _SEEDS] = pydantic.Field(
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
        if not all(0 <= value < math.inf for value in lambdas):
            raise ValueError("lambda must be a number from 0 on")
        if len(set(lambdas)) < len(lambdas):
            raise ValueError("the same value stands twice")
        return lambdas
