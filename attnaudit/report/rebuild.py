"""Reports made again from what a run has left, without its model or data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attnaudit.config import read_text
from attnaudit.errors import InputError
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.measures.summary import Columns, Summary
from attnaudit.records.reading import read_records
from attnaudit.records.schema import Header
from attnaudit.report.build import build_report
from attnaudit.report.demands import Demands, held
from attnaudit.report.schema import Report, loads

if TYPE_CHECKING:
    from attnaudit.report.baseline import Baseline


def report_of(
    header: Header,
    summary: Summary,
    demands: Demands | None,
    findings: Mapping[FindingName, Finding] | None = None,
) -> Report:
    """The report of the run that `header` describes, with the gates that `demands` makes.

    Raises InputError for a baseline of another audit or of other data.
    """
    report = build_report(
        header.audit,
        summary,
        model=header.model,
        dataset=header.dataset,
        settings=header.settings,
        manifest=header.manifest,
        gates=[],
        findings=findings,
    )
    return held(report, summary.columns, demands)


def read_baseline(path: Path) -> Baseline:
    """A report or records to compare a newer run with; raises InputError for another file."""
    from attnaudit.report.baseline import Baseline  # brings numpy, which a report does not need

    report, columns = load(path)
    return Baseline(path, report, columns)


def is_records(path: Path) -> bool:
    """Whether `path` seems to hold records; raises InputError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(64).startswith(b'{"kind":')
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None


def load(path: Path) -> tuple[Report, Columns | None]:
    """The report in `path`, or made from the records there, and what its means are means of.

    Records give a report without gates. Raises InputError for a file that is neither.
    """
    if not is_records(path):
        return loads(read_text(path), str(path)), None
    header, summary = _summary(path)
    return report_of(header, summary, None), summary.columns


def _summary(path: Path) -> tuple[Header, Summary]:
    from attnaudit.questions.audit import find_audit  # brings torch, which a report does not need

    header, records = read_records(path)
    audit = find_audit(header.audit)
    try:
        settings = audit.settings.model_validate(header.settings, strict=False)
        labels = header.model.model_dump()["labels"]
        return header, audit.summarise(records, settings, labels)
    except (LookupError, TypeError, ValueError) as error:  # pydantic's errors are ValueErrors
        first = str(error).partition("\n")[0]
        raise InputError(
            f"does not hold what records of {audit.name} hold ({type(error).__name__}: {first})",
            where=path,
            hint="run the audit again, with this version of attnaudit",
        ) from error
