"""Settings of `permute`."""

from __future__ import annotations

import pydantic

from attnaudit.questions.shown import ShownSettings


class PermuteSettings(ShownSettings):
    """What decides the result; stored with the records."""

    permutations: int = pydantic.Field(
        100, ge=1, description="How many times to shuffle the weights of a text."
    )
    per_head: bool = pydantic.Field(
        False,
        description="Shuffle each head on its own. Without this option, all heads are shuffled "
        "in the same way.",
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
