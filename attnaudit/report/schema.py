"""The report as JSON, schema version 2: a contract that users' CI depends on.

Version 1, which had three findings and no meaning, is still read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pydantic
from pydantic import Field, JsonValue

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.findings.desiderata import FINDINGS
from attnaudit.findings.finding import Finding, FindingName, FindingStatus
from attnaudit.findings.meaning import meaning
from attnaudit.records.metric import Direction
from attnaudit.records.schema import (
    SCHEMA_VERSION,
    DatasetFacts,
    Manifest,
    ModelFacts,
    Number,
    parse,
    parse_json,
)
from attnaudit.report.lock import LockFacts

GateStatus = Literal["pass", "fail", "inconclusive", "waived"]
Bound = Literal["value", "ci_low", "ci_high"]

_FIRST = 1  # of reports, before findings had editions
OF_EACH = "The report of each model says what its findings mean. A comparison adds nothing."
OF_EACH_LABEL = "The report of each label says what it means for showing the heatmap."
NOT_ASKED = "This report is older than the finding. Make it again from its records."


class Metric(Settings):
    """One figure with its uncertainty, under a name that the metric registry defines."""

    value: Number | None = Field(description="The figure; null where it cannot be given.")
    ci_low: Number | None = Field(description="Lower end of the 95 % interval, or null.")
    ci_high: Number | None = Field(description="Upper end of the 95 % interval, or null.")
    n: int = Field(ge=0, description="Number of texts that the figure rests on.")
    undefined: int = Field(ge=0, description="Number of texts that gave no value.")
    reason: str | None = Field(description="Why the figure or its interval is missing, or null.")
    direction: Direction = Field(
        description="Which way is better for attention as an explanation, or for a model's score."
    )
    unit: str = Field(description="The unit of value, ci_low and ci_high.")


class TableData(Settings):
    """A table as the audit lays it out."""

    title: str = Field(description="What the table shows.")
    columns: list[str] = Field(description="Column names, from left to right.")
    rows: list[list[str | int | Number | None]] = Field(
        description="Rows from top to bottom, with one cell for each column."
    )
    notes: list[str] = Field(description="Notes that belong below the table.")
    detail: bool = Field(
        default=False, description="Whether the terminal shows it only with --verbose."
    )
    shown: int | None = Field(
        default=None,
        ge=1,
        description="How many rows text and pages show; null for all.",
    )

    @pydantic.model_validator(mode="after")
    def _rectangular(self) -> TableData:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of {self.title!r} does not have {len(self.columns)} cells")
        return self


class Waiver(Settings):
    """Why a gate that does not pass is put up with, and until when."""

    reason: str = Field(description="The reason, in the words of the policy.")
    expires: str = Field(description="The last day on which it holds, ISO 8601.")
    expired: bool = Field(
        description="Whether that day was over when the gate was judged, so that the waiver is "
        "ignored."
    )


class Gate(Settings):
    """A rule of the policy on a metric or on a finding, and whether this report keeps it.

    Gates called `baseline` or `baseline:METRIC` come from the comparison with an older report.
    """

    id: str = Field(description="The gate's name in the policy.")
    status: GateStatus = Field(
        description="inconclusive is a state of its own and never a pass; waived does not "
        "pass, but a waiver excuses it."
    )
    metric: str | None = Field(default=None, description="The metric that is gated, or null.")
    on: Bound | None = Field(
        default=None,
        description="Whether the gate tests the figure itself or an end of its interval.",
    )
    min: Number | None = Field(default=None, description="The smallest value that passes, or null.")
    max: Number | None = Field(default=None, description="The largest value that passes, or null.")
    value: Number | None = Field(default=None, description="What was found, or null.")
    finding: FindingName | None = Field(
        default=None, description="The finding that is gated, or null."
    )
    # `in` is no name that Python takes; files know the field by nothing else.
    statuses: list[FindingStatus] | None = Field(
        default=None, alias="in", description="The statuses with which the finding passes, or null."
    )
    reason: str = Field(description="Why the gate has this status.")
    rationale: str | None = Field(
        default=None, description="Why the policy has this gate, or null."
    )
    waiver: Waiver | None = Field(
        default=None, description="The policy's waiver for this gate, in force or expired, or null."
    )
    file: str | None = Field(default=None, description="The policy file, as it was named.")
    line: int | None = Field(default=None, description="The gate's line in the policy file.")


class Report(Settings):
    """What one audit of one model on one data set found."""

    schema_version: Literal[2] = Field(default=SCHEMA_VERSION, description="This schema: 2.")
    audit: str = Field(description="The name of the audit's subcommand.")
    warnings: list[str] = Field(
        default=[],
        description="What a reader must know first, in sentences; it follows from the rest of the "
        "report.",
    )
    model: ModelFacts = Field(description="The audited model.")
    dataset: DatasetFacts = Field(description="The audited data.")
    settings: dict[str, JsonValue] = Field(description="The audit's settings.")
    metrics: dict[str, Metric] = Field(description="Figures by registered name.")
    tables: dict[str, TableData] = Field(description="Tables by name.")
    findings: dict[FindingName, Finding] = Field(description="The four desiderata.")
    meaning: list[str] = Field(
        default=[],
        description="What the findings mean for showing the heatmap, in sentences for readers.",
    )
    gates: list[Gate] = Field(
        description="The policy's gates, in its order, then those of a baseline."
    )
    notes: list[str] = Field(description="Notes on the audit as a whole.")
    lock: LockFacts | None = Field(
        default=None, description="The plan that was locked before the run, or null."
    )
    manifest: Manifest = Field(description="How, when and on what the run was made.")


def dumps(report: Report) -> str:
    """The report as JSON text: keys in the order of the schema, never NaN or Infinity.

    Raises:
        ValueError: An open field (settings, say) holds NaN or Infinity.
    """
    content = report.model_dump(by_alias=True)
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    # Half characters, which file names may hold, have no UTF-8; JSON's escape is the same \udc80.
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def loads(text: str, where: str) -> Report:
    """Read back what `dumps` wrote, also that of older versions.

    What the findings mean follows from them, whatever the file says. Raises InputError naming
    `where` for anything else.
    """
    content = parse_json(text, where)
    if not isinstance(content, dict) or "schema_version" not in content:
        raise InputError(
            "is not an attnaudit report", where=where, hint="give the file written by -o or --json"
        )
    if content["schema_version"] == _FIRST and type(content["schema_version"]) is int:
        content = _of_now(content)
    return with_meaning(parse(Report, content, where, versions=(_FIRST, SCHEMA_VERSION)))


def with_meaning(report: Report) -> Report:
    """The report with what its findings mean for showing the heatmap.

    A comparison of reports, or of labels, finds nothing itself: it sends the reader to each.
    """
    facts = report.model.model_extra or {}
    if facts.get("compared"):
        return report.model_copy(update={"meaning": [OF_EACH]})
    if facts.get("audited_labels"):
        return report.model_copy(update={"meaning": [OF_EACH_LABEL]})
    transformer = facts.get("kind") == "transformer"
    said = meaning(report.findings, transformer, report.model.many_rows)
    return report.model_copy(update={"meaning": said})


def _of_now(content: Mapping[str, Any]) -> dict[str, Any]:
    """A report of schema version 1 as this version has it.

    Its findings stand as they are, and say that an older edition of the rules made them.
    """
    made = {**content, "schema_version": SCHEMA_VERSION}
    found = content.get("findings")
    if not isinstance(found, dict):
        return made
    said = {
        name: {**one, "edition": 1} if isinstance(one, dict) else one for name, one in found.items()
    }
    missing = {"status": "not_assessed", "reason": NOT_ASKED, "edition": 1}
    known = {one.name: said.get(one.name, missing) for one in FINDINGS}
    made["findings"] = {**known, **said}
    return made


def json_schema() -> dict[str, Any]:
    """The JSON Schema (Draft 2020-12) of a report."""
    schema = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
