"""Settings of the model-consistent adversary."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import pydantic

from attnaudit.questions.model_adversary.seeds_budget import SeedsBudget, read_seeds_budget
from attnaudit.questions.model_adversary.starts import StartFolder, read_start
from attnaudit.questions.model_adversary.strengths import GRID
from attnaudit.questions.option import HIDDEN, Option
from attnaudit.questions.scored import ScoredSettings

_LAMBDAS = Option("--lambda", default="none is trained")
_SEEDS = Option(
    "--seed-baseline",
    "FILE",
    parse=lambda given: read_seeds_budget(Path(given)),
    filled=True,
)
_START = Option("--start", "DIR", parse=read_start, filled=True)
_EPOCHS = Option(default="3 times the recipe's")
_PATIENCE = Option(default="half of the recipe's epochs")


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
    seeds: int = pydantic.Field(
        6,
        ge=1,
        description="How many models to train for each lambda: half of them from scratch, half"
        " warm-started from other seeds of the recipe; an odd one from scratch.",
    )
    epochs: Annotated[int | None, _EPOCHS] = pydantic.Field(
        None, ge=1, description="The most epochs of one training."
    )
    patience: Annotated[int | None, _PATIENCE] = pydantic.Field(
        None,
        ge=1,
        description="A training stops after so many epochs without a better one on dev.",
    )
    budget: Annotated[SeedsBudget | None, _SEEDS] = pydantic.Field(
        None,
        description="Records of seed-baseline: how far other seeds move the answers on dev."
        " Imitators beyond that are replaced, and a sweep adds lambdas near it.",
    )
    start: Annotated[StartFolder | None, _START] = pydantic.Field(
        None,
        description="Models that `seed-baseline --keep DIR` kept, from which half of the models"
        " start; without them they are trained first.",
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
