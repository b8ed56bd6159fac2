"""Settings of `correlate`."""

from __future__ import annotations

from typing import Literal

import pydantic

from attnaudit.questions.compared import ComparedSettings


class CorrelateSettings(ComparedSettings):
    """What decides the result; stored with the records."""

    target: Literal["predicted", "gold"] = "predicted"
    top: float = pydantic.Field(0.2, gt=0, le=1, description="share of words that count as top")
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False
