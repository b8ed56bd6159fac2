"""Settings of `loud`."""

from __future__ import annotations

import pydantic

from attnaudit.questions.shown import ShownSettings


class LoudSettings(ShownSettings):
    """What decides the result; stored with the records."""

    times: int = pydantic.Field(1, ge=1, description="How many times each weight counts.")
    seed: int = pydantic.Field(0, ge=0, description="The seed of all resampling.")
    text: bool = pydantic.Field(False, description="Keep the words in the records.")
