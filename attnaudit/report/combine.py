"""Several reports or records of one model and data set as one report, with its findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from attnaudit.errors import InputError
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.findings.rules import Deltas
from attnaudit.measures.summary import Columns, Estimate, Summary, Table
from attnaudit.report.build import metric_of, table_of
from attnaudit.report.controls_table import with_controls
from attnaudit.report.demands import Demands, held
from attnaudit.report.evidence_table import evidence_table
from attnaudit.report.ranges import finding_inside
from attnaudit.report.rebuild import Part, labels_of, load
from attnaudit.report.schema import Metric, Report, TableData, with_meaning
from attnaudit.report.warnings import with_warnings

if TYPE_CHECKING:
    from attnaudit.questions.gallery import Gallery
    from attnaudit.report.lock import LockFacts

COMBINED = "report"  # what a report of several commands has as its `audit`


@dataclass(frozen=True)
class Whole:
    """A report with the parts that it was made of, and what its means are means of."""

    report: Report
    parts: Sequence[Part]
    columns: Columns | None


@dataclass(frozen=True)
class Combined:
    """A report with all that it can be shown with, in any format: nothing is read again for one.

    Figures are drawn from the summaries of the `parts`. `gallery` holds heatmaps if any were asked
    for and files of records were given.
    """

    report: Report
    parts: Sequence[Part] = ()
    gallery: Gallery | None = None

    @property
    def summaries(self) -> dict[str, Summary]:
        """What the questions conclude from their records, by question."""
        return {
            part.header.audit: part.summary
            for part in self.parts
            if part.header is not None and part.summary is not None
        }

    @property
    def labels(self) -> list[str]:
        """The names of the classes, as records have them."""
        return next((labels_of(part.header) for part in self.parts if part.header), [])

    def held_to(self, lock: LockFacts) -> Combined:
        """The same, saying whether it kept to a plan that was locked."""
        report = self.report.model_copy(update={"lock": lock})
        return replace(self, report=with_warnings(report))


def combine(
    paths: Sequence[Path],
    demands: Demands | None = None,
    deltas: Deltas | None = None,
    command_line: Sequence[str] = (),
    heatmaps: int = 0,
    takes: Mapping[FindingName, str] | None = None,
    ids: Sequence[str] = (),
) -> Combined:
    """The report that the files in `paths` make together; a single one stays what it is.

    Records are read once and summarised anew, and findings are assessed from records alone: of
    reports they are taken as they stand. Of up to `heatmaps` texts the records are looked up again.
    `takes` says of findings that nothing was recorded for what they would take. Texts that `ids`
    name are shown in place of others, with all that is known of them.

    Raises:
        InputError: A file is neither report nor records; two are of other models or data, or
            answer the same question; or no record of a text in `ids` has attention and words.
    """
    chooser = None
    if heatmaps or ids:
        from attnaudit.questions.heatmaps import Chooser  # brings numpy, as records do

        chooser = Chooser(ids=ids)
    loaded = [(path, part) for path in paths for part in load(path, chooser)]
    files = {str(path): part.digest for path, part in loaded if part.digest is not None}
    loaded, shown_alone = _more_readings(loaded) if ids else (loaded, [])
    check_alike(loaded)
    if chooser is not None and chooser.missing:
        raise InputError(
            f"no text with attention and words has the id {chooser.missing[0]!r:.80}",
            where=paths[0],
            hint="ids are those of the data; the records must be made with --text",
        )
    whole = joined([part for _, part in loaded], files, deltas, command_line)
    report = _taking(whole.report, takes or {})
    if shown_alone:
        report = report.model_copy(update={"notes": [*report.notes, *shown_alone]})
    made = Combined(held(report, whole.columns, demands), whole.parts)
    if chooser is None or not made.summaries:
        return made
    return replace(made, gallery=chooser.gallery(heatmaps, made.labels))


def _more_readings(
    loaded: Sequence[tuple[Path, Part]],
) -> tuple[list[tuple[Path, Part]], list[str]]:
    """The parts that make the report, and remarks on those that heatmaps alone show.

    Those are records of a question that another part answers by another reading.
    """
    made: list[tuple[Path, Part]] = []
    first, others = dict[str, str](), dict[str, list[str]]()
    seen = dict[str, set[str]]()
    for path, part in loaded:
        asked, known = ", ".join(part.questions), set[str]()
        for name in part.questions:
            known |= seen.setdefault(name, set())
            seen[name].add(part.reading)
        if known and part.summary is not None and part.reading not in known:
            _check_same(path, part, *loaded[0])
            others.setdefault(asked, []).append(f"{path} ({part.reading})")
        else:
            first.setdefault(asked, part.reading)
            made.append((path, part))
    remarks = [
        f"Of {', '.join(paths)} only heatmaps and their scores are shown. All other figures of"
        f" {asked} are by the reading {first.get(asked, '')}."
        for asked, paths in others.items()
    ]
    return made, remarks


def _taking(report: Report, takes: Mapping[FindingName, str]) -> Report:
    """The report with what findings would take, where they are not assessed."""
    said = {
        name: found.model_copy(update={"reason": takes[name]})
        for name, found in report.findings.items()
        if name in takes and found.status == "not_assessed"
    }
    return report.model_copy(update={"findings": report.findings | said}) if said else report


def joined(
    parts: Sequence[Part],
    files: Mapping[str, str] | None = None,
    deltas: Deltas | None = None,
    command_line: Sequence[str] = (),
) -> Whole:
    """The report of some parts of one model and data set, with findings and without new gates.

    `files` are those that they come from, by name, with their SHA-256.
    """
    reports = [part.report for part in parts]
    if len(parts) == 1:
        report = _with_findings(reports[0], _judged(parts, deltas, reports[0]))
        return Whole(with_controls(report), parts, parts[0].columns)
    merged = _merged(parts, files or {}, command_line)
    merged = _with_findings(merged, _judged(parts, deltas, merged))
    if merged.audit == COMBINED:
        tables = {"evidence": evidence_table(merged), **merged.tables}
        merged = merged.model_copy(update={"tables": tables})
    return Whole(
        with_controls(merged, "evidence"), parts, _columns([part.columns for part in parts])
    )


def _different_readings(parts: Sequence[Part]) -> list[str]:
    """A remark where parts show attention by different readings."""
    by_reading: dict[str, list[str]] = {}
    for part in parts:
        if part.header is not None:
            by_reading.setdefault(part.reading, []).extend(part.questions)
    if len(by_reading) < 2:
        return []
    said = "; ".join(f"{reading}: {', '.join(names)}" for reading, names in by_reading.items())
    return [f"The parts of this report show attention by different readings. {said}."]


def _columns(parts: Sequence[Columns | None]) -> Columns | None:
    """The columns of all parts that are of the same instances; None where there are none."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    from attnaudit.measures.columns import joined  # brings numpy, which a report does not need

    first = known[0]
    alike = [part.values for part in known if part.ids == first.ids]
    return Columns(first.ids, first.groups, joined(*alike))


def check_alike(loaded: Sequence[tuple[Path, Part]]) -> None:
    """Raise InputError where parts are of several models or data, or answer a question twice."""
    first_path = loaded[0][0]
    seen = dict.fromkeys(loaded[0][1].questions, first_path)
    trained = (loaded[0][1].reading, first_path) if loaded[0][1].trained else None
    for path, part in loaded[1:]:
        _check_same(path, part, first_path, loaded[0][1])
        if part.trained and trained and part.reading != trained[0]:
            raise InputError(
                f"shows attention by the reading {part.reading}, and {trained[1]} by {trained[0]}",
                where=path,
                hint="run both again with the same --reading, because findings use both together",
            )
        if part.trained:
            trained = (part.reading, path)
        for question in part.questions:
            if question in seen:
                raise InputError(
                    f"is a second report of {question}",
                    where=path,
                    hint=f"the first is {seen[question]}; --show-id shows a text by both readings",
                )
            seen[question] = path


def _check_same(path: Path, part: Part, first_path: Path, other: Part) -> None:
    """Raise InputError where two parts are of several models, sites or data."""
    report, first = part.report, other.report
    for what, ours, theirs in (
        ("model", report.model.sha256, first.model.sha256),
        ("data set", report.dataset.rows_digest, first.dataset.rows_digest),
        ("split", report.dataset.split, first.dataset.split),
    ):
        if ours != theirs:
            raise InputError(
                f"has another {what} than {first_path}: {_short(ours)}, not {_short(theirs)}",
                where=path,
                hint="give reports of one model and data set",
            )
    if report.model.label != first.model.label:
        ours, theirs = (model.label or "none" for model in (report.model, first.model))
        raise InputError(
            f"is of another label than {first_path}: {ours}, not {theirs}",
            where=path,
            hint="give reports of one --label; --compare shows several side by side",
        )
    if report.model.site != first.model.site:
        ours, theirs = (model.site or "one row" for model in (report.model, first.model))
        raise InputError(
            f"is of another site than {first_path}: {ours}, not {theirs}",
            where=path,
            hint="give reports of one site: of the same --layer and --site",
        )


def _short(digest: str | None) -> str:
    return "unknown" if digest is None else digest[:12]


def _merged(parts: Sequence[Part], files: Mapping[str, str], command_line: Sequence[str]) -> Report:
    """All metrics, tables and notes; where several have one, it is the first's.

    Where parts are of several commands, their tables become details: the evidence is what a reader
    needs first.
    """
    reports = [part.report for part in parts]
    first = reports[0]
    several = len({report.audit for report in reports}) > 1
    metrics: dict[str, Metric] = {}
    tables: dict[str, TableData] = {}
    settings: dict[str, JsonValue] = {}
    notes: dict[str, None] = {}
    for part in parts:
        report = part.report
        metrics.update({name: m for name, m in report.metrics.items() if name not in metrics})
        for name, table in report.tables.items():
            if not name.startswith("baseline"):
                tables[name] = table.model_copy(update={"detail": True}) if several else table
        settings[part.questions[0] if part.header else report.audit] = report.settings
        notes.update(dict.fromkeys(report.notes))
    manifest = first.manifest.model_copy(
        update={
            "command_line": list(command_line),
            "settings": settings,
            "files": first.manifest.files | dict(files),
            "seeds": sorted({seed for report in reports for seed in report.manifest.seeds}),
            "started": min(report.manifest.started for report in reports),
            "finished": max((r.manifest.finished or "" for r in reports), default="") or None,
        }
    )
    partial = any(report.dataset.partial for report in reports)
    return Report(
        audit=COMBINED if several else first.audit,
        model=first.model,
        dataset=first.dataset.model_copy(update={"partial": partial}),
        settings=settings,
        metrics=metrics,
        tables=tables,
        findings=_stated(reports),
        gates=[],
        notes=[*notes, *_different_readings(parts)],
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


def _with_findings(report: Report, judged: Judged) -> Report:
    """The report with its findings, and with the metrics and tables that they rest on."""
    metrics = {name: metric_of(name, found) for name, found in judged.metrics.items()}
    tables = {name: table_of(table) for name, table in judged.tables.items()}
    update = {
        "findings": dict(judged.findings),
        "metrics": {**report.metrics, **metrics},
        "tables": {**report.tables, **tables},
    }
    return with_meaning(report.model_copy(update=update))


@dataclass(frozen=True)
class Judged:
    """Findings, and the metrics and tables that several questions give only together."""

    findings: Mapping[FindingName, Finding]
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


def _judged(parts: Sequence[Part], deltas: Deltas | None, report: Report) -> Judged:
    """Findings from the records of trained models; without any, those of the report."""
    files = [
        (part.header, part.summary.runs)
        for part in parts
        if part.header is not None and part.summary is not None and part.summary.runs is not None
    ]
    if not files:
        return Judged(report.findings)
    from attnaudit.findings.assess import assess  # brings numpy, which a report does not need
    from attnaudit.findings.budget_table import shown_of
    from attnaudit.findings.evidence import gather

    evidence = gather(files)
    found = assess(evidence, deltas or Deltas())
    shown = shown_of(evidence)
    inside = {name: finding_inside(finding) for name, finding in found.items()}
    return Judged(inside, shown.metrics, shown.tables)
