"""Settings of `permute`."""

from __future__ import annotations

import pydantic

from attnaudit.questions.shown import ShownSettings


class PermuteSettings(ShownSettings):
    """What decides the result; stored with the records."""

    permutations: int = pydantic.Field(100, ge=1)
    per_head: bool = pydantic.Field(False, description="each head permuted on its own")
    seed: int = pydantic.Field(0, ge=0)
