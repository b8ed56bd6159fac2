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
        description="How many seeds to train with. Each seed gives one model of the recipe, "
        "and three more that are trained until they stop improving. `--seeds auto` trains 5, "
        "8, 12 or 20, until the findings have an answer.",
    )
    permuted_labels: bool = pydantic.Field(
        False,
        description="Also train models on shuffled labels. They show how attention looks that "
        "learned nothing about the task.",
    )
    random_attention: bool = pydantic.Field(
        False,
        description="Also train models with random attention, until they stop improving. One "
        "kind has random weights, the other has learned weights in a random order. They show "
        "whether the task needs attention.",
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
