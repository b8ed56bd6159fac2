"""What the page of a comparison opens with: what is compared, what differs, what each found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attnaudit.report.comparison import COMPARED
from attnaudit.report.schema import Report, TableData
from attnaudit.report.wording import facts

_HEAD = ("reports", "settings", "findings")  # the tables that the head shows


@dataclass(frozen=True)
class Comparison:
    """The head of the page: `sides` are the columns, `differs` has a sentence a difference.

    `findings` has a row a finding, with what each report says of it. What a report that was made
    elsewhere lacks is None.
    """

    sides: Sequence[str]
    differs: Sequence[str]
    reports: TableData | None
    settings: TableData | None
    findings: TableData | None


def comparison_of(report: Report) -> Comparison | None:
    """The head of a report that compares others; None for any other report."""
    if report.audit != COMPARED:
        return None
    sides = (report.model.model_extra or {}).get("compared")
    sides = [str(side) for side in sides] if isinstance(sides, list) else []
    differs = [fact.words for fact in facts(report) if fact.name == "differs"]
    shown = (report.tables.get(f"{COMPARED}.{name}") for name in _HEAD)
    return Comparison(sides, differs, *shown)


def below_the_head(report: Report) -> Report:
    """The report without the tables that the head of a comparison shows."""
    if report.audit != COMPARED:
        return report
    head = {f"{COMPARED}.{name}" for name in _HEAD}
    tables = {name: table for name, table in report.tables.items() if name not in head}
    return report.model_copy(update={"tables": tables})
