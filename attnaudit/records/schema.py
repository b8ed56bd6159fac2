"""What makers and readers of records agree on: the header of a file, and the facts in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, JsonValue, NonNegativeInt

from attnaudit.config import S, Settings
from attnaudit.errors import InputError

SCHEMA_VERSION: Literal[2] = 2  # of reports
FIRST_VERSION, RECORDS_VERSION = 1, 2  # of records: the first had no checksums

Number = Annotated[float, Field(allow_inf_nan=False)]


class _Facts(Settings):
    """Facts of which some are named here, and each kind of model or data may add its own."""

    model_config = pydantic.ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue] = Field(init=False)


class ModelFacts(_Facts):
    """Which model was audited. Further keys describe its kind and recipe."""

    name: str = Field(description="The model as it was given on the command line.")
    sha256: str | None = Field(
        default=None, description="SHA-256 of the model file; null where there is no single file."
    )
    site: str | None = Field(
        default=None,
        description="Which rows of which layer's attention were audited; null for the one row that"
        " the answer is read from, where it has one kind of attention.",
    )
    label: str | None = Field(
        default=None,
        description="Of a model that gives several labels to a text, the one that was audited, as "
        "a yes or no; null for other models.",
    )
    one_row: bool = Field(
        default=False,
        description="Whether `site` is one row, as it is where a model has several kinds of"
        " attention at the row that the answer is read from.",
    )

    @property
    def many_rows(self) -> bool:
        """Whether many rows were audited."""
        return self.site is not None and not self.one_row


class UnknownWords(Settings):
    """What of the audited texts, queries included, the model has no word for."""

    words: NonNegativeInt = Field(
        description="Number of different words that the model does not know."
    )
    all_words: NonNegativeInt = Field(description="Number of different words in all.")
    occurrences: NonNegativeInt = Field(description="How often such words occur.")
    all_occurrences: NonNegativeInt = Field(description="How often any words occur.")
    texts: NonNegativeInt = Field(description="Number of texts that contain such words.")


class DatasetFacts(_Facts):
    """Which instances were audited. Further keys describe how the data was read."""

    name: str = Field(description="The data set as it was given on the command line.")
    sha256: str | None = Field(default=None, description="SHA-256 of the data file's bytes.")
    split: str = Field(description="Which part of the data: train, dev, test or all.")
    instances: int = Field(ge=0, description="Number of texts audited.")
    skipped: dict[str, int] = Field(
        default_factory=dict, description="Number of rows left out, by reason."
    )
    truncated: int = Field(default=0, ge=0, description="Number of texts cut at the length limit.")
    partial: bool = Field(
        default=False, description="Whether some rows were not audited, because of --limit."
    )
    positive: int | None = Field(
        default=None,
        ge=0,
        description="Number of texts that have the audited label; null where the model gives one"
        " class to a text.",
    )
    label: str | None = Field(
        default=None, description="What the data call the audited label; null where not asked."
    )
    unknown: UnknownWords | None = Field(
        default=None,
        description="Words that the model does not know; null for a training, and for models "
        "that cut every word into known pieces.",
    )

    @property
    def rows_digest(self) -> str | None:
        """What tells the data from others: also where one file was split, or labels renamed.

        That is `sha256` where neither was done.
        """
        extra = self.model_extra or {}
        told = [extra.get("cut"), extra.get("renamed")]
        if self.sha256 is None or told == [None, None]:
            return self.sha256
        return hashlib.sha256(json.dumps([self.sha256, *told], sort_keys=True).encode()).hexdigest()


class Platform(Settings):
    """The kind of machine."""

    system: str = Field(description="Operating system.")
    machine: str = Field(description="Processor architecture.")


class Verification(Settings):
    """How the way of the audits through the model was checked on the data, before any record.

    The model's own answers, to a text alone and in a batch, were compared with reading the text's
    own attention. All differences are of logits.
    """

    asked: NonNegativeInt | Literal["all"] = Field(
        description="How many other texts, beside the unusual ones, were to be drawn at "
        "random, or all."
    )
    texts: NonNegativeInt = Field(description="Number of texts that were checked.")
    unusual: dict[str, NonNegativeInt] = Field(
        description="Number of unusual texts by reason, all of which were checked; a text may have"
        " several reasons."
    )
    drawn: NonNegativeInt = Field(description="Number of the other texts that were checked.")
    largest_difference: Number = Field(
        ge=0,
        description="Largest difference between the model's own answer and the answer that "
        "attnaudit computes.",
    )
    batch_difference: Number = Field(
        ge=0,
        description="Largest difference between two answers of the model itself: alone and in "
        "a batch.",
    )
    tolerance: Number = Field(
        ge=0,
        description="The largest difference allowed, as a share of 1 + the largest logit of a "
        "text.",
    )


class CalibrationFacts(Settings):
    """How the rules of the findings did on planted models, on a machine and with a code."""

    file: str = Field(description="The file of the calibration, as it was given.")
    sha256: str = Field(description="Its SHA-256.")
    version: str = Field(description="The version of this tool that made it.")
    made: str = Field(description="When the plan was made, in UTC, ISO 8601.")
    holds: NonNegativeInt = Field(description="How many plants hold.")
    plants: NonNegativeInt = Field(description="How many plants there are.")
    failing: list[str] = Field(description="The plants on which a rule failed.")
    current: bool = Field(
        description="Whether the same version and code made the calibration and this report."
    )


class Manifest(Settings):
    """What is needed to repeat the run."""

    attnaudit: str = Field(description="Version of this tool.")
    command_line: list[str] = Field(description="The command as the user gave it.")
    settings: dict[str, JsonValue] = Field(description="Every setting in effect.")
    seeds: list[int] = Field(description="Random seeds used.")
    files: dict[str, str] = Field(description="SHA-256 of each file read, by name.")
    python: str = Field(description="Version of Python.")
    packages: dict[str, str] = Field(description="Versions of the packages that compute.")
    platform: Platform = Field(description="The machine that the run was made on.")
    device: str = Field(description="Where the model ran: cpu, cuda or mps.")
    dtype: str = Field(description="Number format in which the model ran.")
    threads: int = Field(ge=1, description="Number of CPU threads in use.")
    started: str = Field(description="Start in UTC, ISO 8601.")
    finished: str | None = Field(description="End in UTC, ISO 8601; null while the work goes on.")
    verification: Verification | None = Field(
        default=None,
        description="How the model was checked on the data; null for a training, and in "
        "records that are older than this check.",
    )
    calibration: CalibrationFacts | None = Field(
        default=None, description="The calibration that this report names, or null."
    )


def parse_json(text: str, where: str, line: int | None = None) -> Any:
    """The value of strict JSON (no NaN); raises InputError at `line`, or where the text breaks."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise InputError(
            f"is not valid JSON ({error.msg})", where=where, line=line or error.lineno
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not valid JSON ({error})", where=where, line=line) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def parse(
    model: type[S],
    content: dict[str, Any],
    where: str,
    line: int | None = None,
    versions: Sequence[int] = (SCHEMA_VERSION,),
) -> S:
    """`content` as `model`; raises InputError naming the first field that is wrong.

    `versions` are the schema versions that can be read.
    """
    version = content.get("schema_version")
    if type(version) is not int or version not in versions:
        known = " and ".join(map(str, versions))
        raise InputError(
            f"has schema version {version!r}, but this attnaudit reads {known}",
            where=where,
            line=line,
            hint="use the version of attnaudit that wrote it",
        )
    try:
        return model.model_validate(content)
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(str(key) for key in problem["loc"])
        raise InputError(
            f"does not follow the schema at {field!r} ({problem['msg']})", where=where, line=line
        ) from None


Record = dict[str, Any]
# What must agree between two runs.
_RESUMABLE = ("audit", "settings", "model", "dataset", "conditions")


class Header(Settings):
    """The first line of a records file: what was audited, and how."""

    kind: Literal["attnaudit-records"] = "attnaudit-records"
    schema_version: Literal[1, 2] = 2
    audit: str
    settings: dict[str, JsonValue]
    model: ModelFacts
    dataset: DatasetFacts
    conditions: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What else the last digits of a record depend on: code, device, batches, ...",
    )
    manifest: Manifest = Field(description="As in a report.")

    @property
    def digest(self) -> str:
        """A SHA-256 of everything that the records depend on, by content: names do not matter."""
        told = self.model_dump(mode="json", include=set(_RESUMABLE))
        for part in ("model", "dataset"):
            del told[part]["name"]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


Run = Mapping[str, str | int | float]


def run_key(run: Run | None) -> str:
    """A run as one string, the same for any order of its keys; empty for an audit without runs."""
    return "" if run is None else json.dumps(run, sort_keys=True)


def difference_between(there: Header, here: Header) -> str | None:
    """Where two runs first differ in what decides the records, in words; None: nowhere."""
    ours, theirs = here.model_dump(), there.model_dump()
    differences = (_first_difference(theirs[key], ours[key], key) for key in _RESUMABLE)
    return next((found for found in differences if found is not None), None)


def _first_difference(there: Any, here: Any, place: str) -> str | None:
    """Where two JSON values first differ, in words, or None where they are equal."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*here, *(k for k in there if k not in here)]:
            found = _first_difference(there.get(key), here.get(key), f"{place}.{key}")
            if found is not None:
                return found
        return None
    if there == here:
        return None
    return f"its {place} is {json.dumps(there)}, but this run's is {json.dumps(here)}"
