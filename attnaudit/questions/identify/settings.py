"""Settings of `identify`."""

from __future__ import annotations

from typing import Literal

import pydantic

from attnaudit.questions.shown import ShownSettings


class IdentifySettings(ShownSettings):
    """What decides the result; stored with the records."""

    kept: Literal["values", "output"] = pydantic.Field(
        "values",
        description="What other weights must leave as it is: the average of a head's value vectors"
        " (values), or what the linear map behind the head makes of it (output).",
    )
    intervals: bool = pydantic.Field(
        False,
        description="Whether the least and the largest possible weight of each token are computed,"
        " and weights on as few tokens as possible. It takes up to two linear programs for each"
        " token and head.",
    )
    longest: int = pydantic.Field(
        64,
        ge=2,
        le=4096,
        description="The most tokens that a text may have for `--intervals`; longer texts are left"
        " out of them, and counted.",
    )
    starts: int = pydantic.Field(
        0,
        ge=0,
        le=1000,
        description="Random queries for each head, from which Newton's method looks for other"
        " weights that the model can make.",
    )
    tolerance: float | None = pydantic.Field(
        None,
        gt=0,
        lt=1,
        description="Singular values up to this share of the largest one count as 0. Without it:"
        " the larger side of the matrix times the precision in which the model computes.",
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
