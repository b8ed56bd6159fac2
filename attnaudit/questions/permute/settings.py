"""Settings of `permute`."""

from __future__ import annotations

import pydantic

from attnaudit.config import Settings
from attnaudit.readings.heads import Heads


class PermuteSettings(Settings):
    """What decides the result; stored with the records."""

    permutations: int = pydantic.Field(
        100, ge=1, description="How many times the weights of a text are shuffled."
    )
    per_head: bool = pydantic.Field(
        False,
        description="Whether each head is shuffled on its own; else all heads are shuffled alike.",
    )
    heads: Heads = pydantic.Field(
        "mean",
        description="What is shown of several heads: `mean`, `max`, or the number of one head.",
    )
    seed: int = pydantic.Field(
        0, ge=0, description="The seed of everything that is random in the audit."
    )
