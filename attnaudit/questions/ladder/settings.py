"""Settings of `ladder`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pydantic

from attnaudit.questions.instance_adversary.settings import Epsilon
from attnaudit.questions.ladder.adversaries import AdversaryFile, read_file
from attnaudit.questions.option import Option
from attnaudit.questions.shown import ShownSettings

_FILE = Option(
    "--model-adversary",
    "FILE",
    default="none",
    parse=lambda given: read_file(Path(given)),
    filled=True,
)


class LadderSettings(ShownSettings):
    """What decides the result; stored with the records."""

    epsilon: Epsilon = pydantic.Field(
        0.01, description="How far the answer may move, as a TVD from 0 to 1."
    )
    radius: float = pydantic.Field(
        0.1,
        ge=0,
        le=10,
        description="How far the embedding of each word may move, as a share of the distance of a"
        " word to its nearest neighbour in the embedding table (median). The state of the audited"
        " row may move by the same share of its length. Both sizes are this tool's own choice.",
    )
    starts: int = pydantic.Field(
        16,
        ge=1,
        le=100,
        description="From how many places the search for a query starts. The searches within balls"
        " start from an eighth as many, and from at least 2.",
    )
    steps: int = pydantic.Field(
        50, ge=1, le=10_000, description="How many steps each search takes from each start."
    )
    adversaries: Annotated[AdversaryFile | None, _FILE] = pydantic.Field(
        None,
        description="Records of model-adversary (adversary with `--lambda` or `--sweep`) for this"
        " model and these texts. They give the last rung, in which the parameters change.",
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
