"""Settings of `probe`."""

from __future__ import annotations

from typing import Annotated

import pydantic

from attnaudit.questions.looks import Seeds
from attnaudit.questions.option import Option
from attnaudit.questions.probe.guides import GuideFile, read_guides
from attnaudit.questions.scored import ScoredSettings

_GUIDES = Option("--guide", "NAME=FILE", default="none", parse=read_guides, filled=True)


class ProbeSettings(ScoredSettings):
    """What decides the result; stored with the records.

    `seed` is the first of the `seeds`, of which the audited model's own is left out, and the seed
    of all resampling.
    """

    seeds: Seeds = pydantic.Field(
        5,
        description="How many models to train for each guide, and for each kind of text in the "
        "leak control. `--seeds auto` trains 5, 8, 12 or 20, until the finding has an answer.",
    )
    guides: Annotated[tuple[GuideFile, ...], _GUIDES] = pydantic.Field(
        (), description="A checkpoint, such as an adversary, whose attention also guides probes."
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
