"""The document that `attnaudit calibrate` writes, and that a report can name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pydantic
from pydantic import Field, NonNegativeInt, PositiveInt

from attnaudit import __version__
from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.code import code_digest
from attnaudit.inputs import MIB, read_text
from attnaudit.records.schema import Number, Platform, parse, parse_json

CALIBRATION_VERSION: Literal[1] = 1
LARGEST = 4 * MIB  # a file of all plants on 100 seeds has 60 KiB
KIND: Literal["attnaudit-calibration"] = "attnaudit-calibration"
# The modules that decide, with all that they import, what is found on a plant.
DECIDING = (
    "attnaudit.calibration.auditing",
    "attnaudit.calibration.plants",
    "attnaudit.questions.erase.make",
    "attnaudit.questions.model_adversary.earlier",
    "attnaudit.questions.model_adversary.make",
    "attnaudit.questions.permute.make",
    "attnaudit.questions.probe.earlier",
    "attnaudit.questions.probe.make",
    "attnaudit.questions.seed_baseline.make",
)

Verdict = Literal["holds", "open", "fails"]


class Row(Settings):
    """What was found on one plant about one finding, on all seeds together."""

    plant: str = Field(min_length=1, max_length=100, description="The name of the plant.")
    truth: str = Field(max_length=200, description="What its attention does, in a few words.")
    finding: str = Field(
        min_length=1, max_length=100, description="The finding, or a check of the audited model."
    )
    expected: str = Field(
        max_length=100,
        description="The status that must be found, or `never` and a status that must not.",
    )
    found: dict[str, NonNegativeInt] = Field(description="How many seeds had each status.")
    right: NonNegativeInt = Field(description="How many seeds came out as expected.")
    seeds: PositiveInt = Field(description="How many seeds there were.")
    share_low: Number = Field(
        ge=0, le=1, description="Lower end of the exact 95 % interval of the share that is right."
    )
    share_high: Number = Field(ge=0, le=1, description="Upper end of that interval.")
    verdict: Verdict = Field(
        description="holds: as expected; fails: a seed had the opposite, or too few seeds were "
        "right; open: fewer seeds were right than required, perhaps by chance."
    )

    @pydantic.model_validator(mode="after")
    def _adds_up(self) -> Row:
        if sum(self.found.values()) != self.seeds or self.right > self.seeds:
            raise ValueError(f"the results on {self.plant!r} do not add up to its number of seeds")
        return self


class Calibration(Settings):
    """What the rules of the findings found on planted models, on one machine."""

    kind: Literal["attnaudit-calibration"] = KIND
    schema_version: Literal[1] = Field(default=CALIBRATION_VERSION, description="This schema: 1.")
    attnaudit: str = Field(max_length=100, description="Version of the tool.")
    code: str = Field(
        pattern="^[0-9a-f]{64}$", description="SHA-256 of the code that decides what is found."
    )
    python: str = Field(max_length=100, description="Version of Python.")
    packages: dict[str, str] = Field(description="Versions of the packages that compute.")
    platform: Platform = Field(description="The kind of machine.")
    made: str = Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", description="When it ended, in UTC, ISO 8601."
    )
    quick: bool = Field(description="Whether only the plants of --quick were run.")
    first_seed: NonNegativeInt = Field(description="The first seed of each plant.")
    seeds: PositiveInt = Field(description="With how many seeds each plant was generated.")
    seconds: dict[str, Number] = Field(description="CPU seconds that each plant took in all.")
    table: list[Row] = Field(min_length=1, max_length=10_000, description="What was found.")

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The worst verdict on each plant."""
        order: tuple[Verdict, ...] = ("holds", "open", "fails")
        worst: dict[str, Verdict] = {}
        for row in self.table:
            known = worst.setdefault(row.plant, "holds")
            worst[row.plant] = max(known, row.verdict, key=order.index)
        return worst

    def plants(self, verdict: Verdict) -> list[str]:
        """The plants whose worst verdict is this one."""
        return [plant for plant, worst in self.verdicts.items() if worst == verdict]

    @property
    def current(self) -> bool:
        """Whether this version and code of the tool made it."""
        return self.attnaudit == __version__ and self.code == deciding_code()


def deciding_code() -> str:
    """The digest of all code that decides what is found on a plant."""
    return code_digest(*DECIDING)


def dumps(made: Calibration) -> str:
    """The document as JSON text."""
    return json.dumps(made.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def read_calibration(path: Path) -> Calibration:
    """The document in `path`; raises InputError for anything else."""
    content = parse_json(read_text(path, LARGEST), str(path))
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise InputError(
            "is not a calibration",
            where=path,
            hint="give the file that `attnaudit calibrate -o FILE` wrote",
        )
    return parse(Calibration, content, str(path), versions=(CALIBRATION_VERSION,))
