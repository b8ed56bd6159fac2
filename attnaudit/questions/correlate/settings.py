"""Settings of `correlate`."""

from __future__ import annotations

from typing import Literal

import pydantic

from attnaudit.questions.compared import ComparedSettings


class CorrelateSettings(ComparedSettings):
    """What decides the result; stored with the records."""

    target: Literal["predicted", "gold"] = pydantic.Field(
        "predicted",
        description="Whose probability the importances explain: the predicted class "
        "or the gold class.",
    )
    top: float = pydantic.Field(
        0.2, gt=0, le=1, description="The share of the words of a text that count as its top words."
    )
    seed: int = pydantic.Field(
        0, ge=0, description="The seed of everything that is random in the audit."
    )
    text: bool = pydantic.Field(
        False, description="Whether the records keep the words; without it they hold numbers only."
    )
