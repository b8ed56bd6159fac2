"""Settings of `rationalize`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import pydantic

from attnaudit.errors import InputError, did_you_mean
from attnaudit.importance import IMPORTANCES
from attnaudit.questions.looks import MOST_SEEDS
from attnaudit.questions.option import Option
from attnaudit.questions.rationalize.names import RANDOM
from attnaudit.questions.scored import ScoredSettings
from attnaudit.readings import READINGS, find_reading

MOST_BY = 20  # sources of rationales in one run


def read_by(given: Sequence[str]) -> tuple[str, ...]:
    """What `--by` names, as it was given; raises InputError for what is neither of both kinds."""
    found: dict[str, None] = {}
    for name in given:
        if name == RANDOM:
            raise InputError(
                f"--by {name}: random rationales of the same length are always there, to compare",
                hint="leave it out",
            )
        if name not in IMPORTANCES:
            try:
                find_reading(name)
            except InputError:
                known = [*IMPORTANCES, *(one.format(number=0) for one in READINGS)]
                raise InputError(
                    f"--by {name}: is no reading of the attention and no importance",
                    hint=did_you_mean(name, known) or "`attnaudit explain` lists them",
                ) from None
        found[name] = None
    if len(found) > MOST_BY:
        raise InputError(f"--by: {len(found)} names are given, more than {MOST_BY}")
    return tuple(found)


_BY = Option("--by", "NAME", default="mean and gradient_flowing", parse=read_by)


class RationalizeSettings(ScoredSettings):
    """What decides the result; stored with the records.

    `seed` is the first of the `seeds`, of which the support model's own is left out, and the seed
    of all other random choices.
    """

    by: Annotated[tuple[str, ...], _BY] = pydantic.Field(
        ("mean", "gradient_flowing"),
        min_length=1,
        max_length=MOST_BY,
        description="What scores the words of the support model, so that the best ones become the "
        "rationale: a reading of its attention, such as mean, or an importance, such as "
        "gradient_flowing. These two are those of FRESH.",
    )
    form: Literal["top", "contiguous"] = pydantic.Field(
        "top",
        description="Which words become the rationale: those of the largest scores (top), or the "
        "neighbouring words of the largest sum (contiguous).",
    )
    share: float = pydantic.Field(
        0.2,
        gt=0,
        le=1,
        description="The share of the words of a text that its rationale keeps, rounded up.",
    )
    count: int | None = pydantic.Field(
        None,
        ge=1,
        le=100_000,
        description="How many words a rationale keeps, in place of a share. Shorter texts are kept "
        "whole.",
    )
    seeds: int = pydantic.Field(
        5,
        ge=1,
        le=MOST_SEEDS,
        description="How many predictors to train of each kind.",
    )
    seed: int = pydantic.Field(
        0,
        ge=0,
        description="The first seed of the models to train, and the seed of all other random "
        "choices.",
    )
    text: bool = pydantic.Field(
        False,
        description="Keep the words in the records. Without this option, records contain only "
        "numbers.",
    )

    @pydantic.field_validator("by")
    @classmethod
    def _are_known(cls, by: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return read_by(by)
        except InputError as error:
            raise ValueError(error.what) from None
