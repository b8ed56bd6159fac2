"""Settings of `permute`."""

from __future__ import annotations

import pydantic

from attnaudit.config import Settings
from attnaudit.readings.heads import Heads


class PermuteSettings(Settings):
    """What decides the result; stored with the records."""

    permutations: int = pydantic.Field(100, ge=1)
    per_head: bool = pydantic.Field(False, description="each head permuted on its own")
    heads: Heads = pydantic.Field("mean", description="what is shown of several heads")
    seed: int = pydantic.Field(0, ge=0)
