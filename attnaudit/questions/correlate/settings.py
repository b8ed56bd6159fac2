"""Settings of `correlate`."""

from __future__ import annotations

from typing import Literal

import pydantic

from attnaudit.questions.compared import ComparedSettings


class CorrelateSettings(ComparedSettings):
    """What decides the result; stored with the records."""

    target: Literal["predicted", "gold"] = pydantic.Field(
        "predicted",
        description="The class whose probability the importances explain: the predicted class, "
        "or the correct (gold) class.",
    )
    top: float = pydantic.Field(
        0.2, gt=0, le=1, description="Which share of the words of a text counts as its top words."
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
    text: bool = pydantic.Field(
        False,
        description="Keep the words in the records. Without this option, records contain only "
        "numbers.",
    )
