"""Settings of the model-consistent adversary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pydantic

from attnaudit.questions.model_adversary.seeds_budget import SeedsBudget, read_seeds_budget
from attnaudit.questions.model_adversary.starts import StartFolder, read_start
from attnaudit.questions.model_adversary.strengths import GRID
from attnaudit.questions.option import HIDDEN, Option
from attnaudit.questions.scored import ScoredSettings
from attnaudit.questions.strengths import checked_strengths

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
        description="How much a model is rewarded for attending to other words, against giving the "
        "same answers. Imitators (lambda 0) are always trained.",
    )
    refine: Annotated[int, HIDDEN] = pydantic.Field(
        0,
        ge=0,
        description="How many further lambdas a sweep may add, between those of its grid, if the "
        "results on dev call for it.",
    )
    seeds: int = pydantic.Field(
        6,
        ge=1,
        description="How many models to train for each lambda. Half of them start from "
        "scratch, half from models of the recipe with other seeds. If the number is odd, one "
        "more starts from scratch.",
    )
    epochs: Annotated[int | None, _EPOCHS] = pydantic.Field(
        None, ge=1, description="The largest number of epochs of one training."
    )
    patience: Annotated[int | None, _PATIENCE] = pydantic.Field(
        None,
        ge=1,
        description="A training stops after this many epochs without a better result on dev.",
    )
    budget: Annotated[SeedsBudget | None, _SEEDS] = pydantic.Field(
        None,
        description="Records of seed-baseline. They say how far other seeds move the answers "
        "on dev. Imitators that move them farther are replaced, and a sweep adds lambdas near "
        "this limit.",
    )
    start: Annotated[StartFolder | None, _START] = pydantic.Field(
        None,
        description="A folder of models that seed-baseline kept. Half of the models start from "
        "them. Without a folder, such models are trained first.",
    )
    seed: int = pydantic.Field(
        0,
        ge=0,
        description="The first seed of the models to train, and the seed of all other random "
        "choices.",
    )
    text: bool = pydantic.Field(
        False,
        description="Keep the words in the records. Without this option, records contain only "
        "numbers.",
    )

    @pydantic.field_validator("lambdas")
    @classmethod
    def _usable(cls, lambdas: tuple[float, ...]) -> tuple[float, ...]:
        if not lambdas:
            raise ValueError(
                "needs at least one lambda; `skip: [model-adversary]` trains no adversaries"
            )
        return checked_strengths("lambda", lambdas)
