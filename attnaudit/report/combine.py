"""Several reports or records of one model and data set as one report, with its findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_file
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.findings.rules import Deltas
from attnaudit.measures.summary import Columns, Estimate
from attnaudit.records.reading import read_records
from attnaudit.report.build import metric_of
from attnaudit.report.demands import Demands, held
from attnaudit.report.evidence_table import evidence_table
from attnaudit.report.rebuild import is_records, load
from attnaudit.report.schema import Metric, Report, TableData

EXCESS = "manipulation.excess_jsd"


@dataclass(frozen=True)
class Combined:
    """A report, and the records files it rests on, by audit: what figures are drawn from."""

    report: Report
    records: Mapping[str, Path]


def combine(
    paths: Sequence[Path],
    demands: Demands | None = None,
    deltas: Deltas | None = None,
    command_line: Sequence[str] = (),
) -> Combined:
    """The report that `paths` make together; a single one stays what it is.

    Records are summarised anew, and findings are assessed from records alone: of reports they are
    taken as they stand.

    Raises:
        InputError: A file is neither report nor records; two are of other models or data, or of
            the same audit.
    """
    loaded = [(path, *load(path)) for path in paths]
    records = {report.audit: path for path, report, _ in loaded if is_records(path)}
    if len(loaded) == 1:
        _, report, columns = loaded[0]
        if records:
            report = _with_findings(report, _findings(records, deltas, report))
        return Combined(held(report, columns, demands), records)
    _check_alike([(path, report) for path, report, _ in loaded])
    reports = [report for _, report, _ in loaded]
    merged = _merged(reports, paths, command_line)
    merged = _with_findings(merged, _findings(records, deltas, merged))
    tables = {"evidence": evidence_table(merged), **merged.tables}
    merged = merged.model_copy(update={"tables": tables})
    return Combined(held(merged, _joined([columns for _, _, columns in loaded]), demands), records)


def _joined(parts: Sequence[Columns | None]) -> Columns | None:
    """The columns of all parts that are of the same instances; None where there are none."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    from attnaudit.measures.columns import joined  # brings numpy, which a report does not need

    first = known[0]
    alike = [part.values for part in known if part.ids == first.ids]
    return Columns(first.ids, first.groups, joined(*alike))


def _check_alike(loaded: Sequence[tuple[Path, Report]]) -> None:
    first_path, first = loaded[0]
    seen = {first.audit: first_path}
    for path, report in loaded[1:]:
        for what, ours, theirs in (
            ("model", report.model.sha256, first.model.sha256),
            ("data set", report.dataset.sha256, first.dataset.sha256),
            ("split", report.dataset.split, first.dataset.split),
        ):
            if ours != theirs:
                raise InputError(
                    f"is of another {what} than {first_path}: {_short(ours)}, not {_short(theirs)}",
                    where=path,
                    hint="give reports of one model and data set",
                )
        if report.audit in seen:
            raise InputError(
                f"is a second report of {report.audit}",
                where=path,
                hint=f"the first is {seen[report.audit]}",
            )
        seen[report.audit] = path


def _short(digest: str | None) -> str:
    return "unknown" if digest is None else digest[:12]


def _merged(
    reports: Sequence[Report], paths: Sequence[Path], command_line: Sequence[str]
) -> Report:
    """All metrics, tables and notes; where several have one, it is the first's.

    The tables of the audits become details: the evidence is what a reader needs first.
    """
    first = reports[0]
    metrics: dict[str, Metric] = {}
    tables: dict[str, TableData] = {}
    settings: dict[str, JsonValue] = {}
    notes: dict[str, None] = {}
    for report in reports:
        metrics.update({name: m for name, m in report.metrics.items() if name not in metrics})
        for name, table in report.tables.items():
            if not name.startswith("baseline"):
                tables[name] = table.model_copy(update={"detail": True})
        settings[report.audit] = report.settings
        notes.update(dict.fromkeys(report.notes))
    manifest = first.manifest.model_copy(
        update={
            "command_line": list(command_line),
            "settings": settings,
            "files": first.manifest.files | {str(path): sha256_file(path) for path in paths},
            "seeds": sorted({seed for report in reports for seed in report.manifest.seeds}),
            "started": min(report.manifest.started for report in reports),
            "finished": max((r.manifest.finished or "" for r in reports), default="") or None,
        }
    )
    partial = any(report.dataset.partial for report in reports)
    return Report(
        audit="report",
        model=first.model,
        dataset=first.dataset.model_copy(update={"partial": partial}),
        settings=settings,
        metrics=metrics,
        tables=tables,
        findings=_stated(reports),
        gates=[],
        notes=list(notes),
        manifest=manifest,
    )


def _stated(reports: Iterable[Report]) -> dict[FindingName, Finding]:
    """For each finding the first report's that has assessed it, else the first's."""
    found: dict[FindingName, Finding] = {}
    for report in reports:
        for name, finding in report.findings.items():
            known = found.setdefault(name, finding)
            if known.status == "not_assessed" != finding.status:
                found[name] = finding
    return found


def _with_findings(report: Report, findings: Mapping[FindingName, Finding]) -> Report:
    """The report with its findings, and the excess JSD, which they compute, as a metric."""
    hard = findings.get("hard_to_manipulate")
    metrics = dict(report.metrics)
    if hard and hard.statistic is not None and hard.interval is not None and hard.metric == EXCESS:
        low, high = hard.interval
        excess = Estimate(hard.statistic, low, high, report.dataset.instances)
        metrics[EXCESS] = metric_of(EXCESS, excess)
    return report.model_copy(update={"findings": dict(findings), "metrics": metrics})


def _findings(
    records: Mapping[str, Path], deltas: Deltas | None, report: Report
) -> dict[FindingName, Finding]:
    """Findings from the records of audits that retrain; without any, those of the report."""
    from attnaudit.findings.assess import assess
    from attnaudit.findings.evidence import RETRAINING, gather

    files: list[tuple[Any, Any]] = [
        read_records(path) for audit, path in records.items() if audit in RETRAINING
    ]
    if not files:
        return report.findings
    return assess(gather(files), deltas or Deltas())
