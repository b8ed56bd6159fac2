"""Settings of `patterns`."""

from __future__ import annotations

from typing import Literal

import pydantic

from attnaudit.config import Settings

Placeholder = Literal["auto", "mask", "unknown", "zeros"]


class PatternsSettings(Settings):
    """What decides the result; stored with the records."""

    steps: int = pydantic.Field(
        16,
        ge=1,
        le=100,
        description="At how many points on the way from the baseline to the text influence is"
        " measured; its mean over them is used.",
    )
    placeholder: Placeholder = pydantic.Field(
        "auto",
        description="What stands in place of the words at the beginning of that way: the mask"
        " token, the token for unknown words, or zeros. auto takes the first of these that the"
        " model has.",
    )
    longest: int = pydantic.Field(
        64,
        ge=2,
        le=256,
        description="The most tokens that a text may have, with special tokens and a query. Longer"
        " texts are skipped and counted, since time and memory grow with the square of the length.",
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
    text: bool = pydantic.Field(
        False,
        description="Keep the words in the records. Without this option, records contain only "
        "numbers.",
    )
