"""Settings of `seed-baseline`."""

from __future__ import annotations

import pydantic

from attnaudit.questions.looks import Seeds
from attnaudit.questions.scored import ScoredSettings


class SeedBaselineSettings(ScoredSettings):
    """What decides the result; stored with the records.

    `seed` is the first of the `seeds`, of which the audited model's own is left out, and the seed
    of all resampling.
    """

    seeds: Seeds = pydantic.Field(
        5,
        description="How many seeds to train with: each gives a model of the recipe, and three more"
        " that are trained until they stop improving; `--seeds auto` trains 5, 8, 12 or 20, until"
        " the findings have an answer.",
    )
    permuted_labels: bool = pydantic.Field(
        False,
        description="Also train models on labels that are shuffled, to see what attention looks"
        " like that learned nothing of the task.",
    )
    seed: int = pydantic.Field(
        0,
        ge=0,
        description="The first seed of the models to train, and the seed of all resampling.",
    )
    text: bool = pydantic.Field(
        False, description="Whether the records keep the words; without it they hold numbers only."
    )
