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
        description="How many models to train for each guide, and without words of each kind;"
        " `--seeds auto` trains 5, 8, 12 or 20, until the finding has an answer.",
    )
    guides: Annotated[tuple[GuideFile, ...], _GUIDES] = pydantic.Field(
        (), description="Checkpoints whose attention guides probes too, such as an adversary's."
    )
    seed: int = pydantic.Field(
        0,
        ge=0,
        description="The first seed of the models to train, and the seed of all resampling.",
    )
    text: bool = pydantic.Field(
        False, description="Whether the records keep the words; without it they hold numbers only."
    )
