"""The report that sets several reports side by side: a column each, and what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attnaudit.findings.rules import not_assessed
from attnaudit.measures.summary import Cell
from attnaudit.records.schema import DatasetFacts, ModelFacts
from attnaudit.report.combine import COMBINED
from attnaudit.report.compared import Side
from attnaudit.report.evidence_table import evidence_table
from attnaudit.report.listing import listed
from attnaudit.report.schema import Report, TableData, with_meaning

COMPARED = "comparison"  # what a report that compares others has as its `audit`
_SEVERAL = "several"  # what stands for names that differ
_DIGITS = 12  # of a SHA-256
# Facts of model and data that a table of their own shows.
_FACTS = (*("name", "sha256", "split", "instances", "skipped", "truncated", "partial", "unknown"),)
# What decides nothing, says where files were put, or follows from trained models.
_UNSAID = ("text", "path", "sha256", "budget")
Span = tuple[Cell, Cell, Cell]
_NONE: Span = (None, None, None)


def compare_reports(sides: Sequence[Side], command_line: Sequence[str] = ()) -> Report:
    """One report whose tables have a column for each side; it judges no gate and finds nothing.

    Its first table says what is compared. A second one lists the settings that differ, if any do.
    """
    reports = [side.report for side in sides]
    first = reports[0]
    settings = _different(sides)
    differs = list(_differences(sides, settings))
    tables = {
        f"{COMPARED}.reports": _facts(sides),
        **({f"{COMPARED}.settings": settings} if settings.rows else {}),
        f"{COMPARED}.evidence": _evidence(sides),
        **_findings(sides),
        f"{COMPARED}.metrics": _metrics(sides),
    }
    data = [report.dataset for report in reports]
    manifest = first.manifest.model_copy(
        update={
            "command_line": list(command_line),
            "settings": {},
            "files": {n: digest for r in reports for n, digest in r.manifest.files.items()},
            "seeds": sorted({seed for r in reports for seed in r.manifest.seeds}),
            "verification": None,
            "calibration": None,
        }
    )
    extra: dict[str, Any] = {"compared": [side.name for side in sides], "differs": differs}
    made = Report(
        audit=COMPARED,
        model=ModelFacts(name=_common([r.model.name for r in reports]), **extra),
        dataset=DatasetFacts(
            name=_common([one.name for one in data]),
            split=_common([one.split for one in data]),
            instances=min(one.instances for one in data),
            partial=any(one.partial for one in data),
        ),
        settings={},
        metrics={},
        tables=tables,
        findings=not_assessed(),
        gates=[],
        notes=list(_notes(sides)),
        manifest=manifest,
    )
    return with_meaning(made)


def _common(names: Sequence[str]) -> str:
    return names[0] if len(set(names)) == 1 else _SEVERAL


def _differences(sides: Sequence[Side], settings: TableData) -> Iterator[str]:
    """What a reader must know before they compare, a sentence each."""
    reports = [side.report for side in sides]
    if len({(r.dataset.sha256 or r.dataset.name, r.dataset.split) for r in reports}) > 1:
        yield (
            "The data differ. A difference between the columns may come from the data, not from"
            " the models."
        )
    elif len({r.dataset.instances for r in reports}) > 1:
        yield "The numbers of texts differ, though the data are the same."
    if settings.rows:
        names = [str(row[0]) for row in settings.rows]
        more = "" if len(names) <= 5 else f" and {len(names) - 5} more"
        yield f"Settings differ: {', '.join(names[:5])}{more}. The table of settings lists them."
    if partial := [side.name for side in sides if side.report.dataset.partial]:
        yield f"{listed(partial)}: some rows were not audited, because of --limit."
    editions = {f.edition for r in reports for f in r.findings.values()}
    if len(editions) > 1:
        yield "The findings were made by different versions of the rules. Do not compare them."


def _notes(sides: Sequence[Side]) -> Iterator[str]:
    """The remarks of all reports, each once; of which reports, where not of all."""
    for note in dict.fromkeys(note for side in sides for note in side.report.notes):
        names = [side.name for side in sides if note in side.report.notes]
        yield note if len(names) == len(sides) else f"{listed(names)}: {note}"


def _facts(sides: Sequence[Side]) -> TableData:
    """What each report is of."""
    said: dict[str, Callable[[Report], str]] = {
        "model": lambda r: r.model.name,
        "model sha256": lambda r: (r.model.sha256 or "unknown")[:_DIGITS],
        "data": lambda r: r.dataset.name,
        "data sha256": lambda r: (r.dataset.sha256 or "unknown")[:_DIGITS],
        "split": lambda r: r.dataset.split,
        "texts": lambda r: f"{r.dataset.instances:,}",
        "attnaudit": lambda r: r.manifest.attnaudit,
        "made": lambda r: r.manifest.started[:10],
    }
    return TableData(
        title="What is compared",
        columns=["", *(side.name for side in sides)],
        rows=[[name, *(say(side.report) for side in sides)] for name, say in said.items()],
        notes=[],
    )


def _different(sides: Sequence[Side]) -> TableData:
    """Every setting, and every fact of recipe and data, that is not the same in all reports.

    A setting of a question that only one report asks is no difference.
    """
    flat = [dict(_flat(_settings(side.report))) for side in sides]
    names = dict.fromkeys(name for each in flat for name in each)
    rows: list[list[Cell]] = []
    for name in names:
        asked = [each for each in flat if any(_question(key) == _question(name) for key in each)]
        if len(asked) > 1 and len({each.get(name) for each in asked}) > 1:
            rows.append([name, *(each.get(name, "") for each in flat)])
    return TableData(
        title="Settings that differ",
        columns=["setting", *(side.name for side in sides)],
        rows=rows,
        notes=["An empty cell means that the report does not say."],
    )


def _settings(report: Report) -> dict[str, Any]:
    """The settings by question, with what else is said of model and data."""
    of_questions = report.settings if report.audit == COMBINED else {report.audit: report.settings}
    model, data = report.model.model_dump(), report.dataset.model_dump()
    return {
        "model": {key: value for key, value in model.items() if key not in _FACTS},
        "data": {key: value for key, value in data.items() if key not in _FACTS},
        "run": {"device": report.manifest.device, "dtype": report.manifest.dtype},
        **of_questions,
    }


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Names such as `correlate.seed`, and values as JSON.

    Names and digests of files are left out, and so is what follows from trained models.
    """
    for key, value in settings.items():
        if key in _UNSAID:
            continue
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            value = {str(i): each for i, each in enumerate(value, 1)}
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            shown = value if isinstance(value, str) else json.dumps(value)
            yield f"{before}{key}", shown


def _question(name: str) -> str:
    return name.partition(".")[0]


def _spans(title: str, sides: Sequence[Side], names: Sequence[str]) -> TableData:
    """A table without rows: what names them, then value and interval of each side."""
    columns = [column for side in sides for column in (side.name, "low", "high")]
    return TableData(title=title, columns=[*names, *columns], rows=[], notes=[])


def _evidence(sides: Sequence[Side]) -> TableData:
    """The evidence at a glance, those rows that any report has."""
    cells: dict[tuple[Cell, Cell], dict[str, Span]] = {}
    for side in sides:
        for test, figure, value, low, high, _ in evidence_table(side.report).rows:
            cells.setdefault((test, figure), {})[side.name] = (value, low, high)
    rows: list[list[Cell]] = [
        [*names, *(cell for side in sides for cell in found.get(side.name, _NONE))]
        for names, found in cells.items()
    ]
    notes = [
        "The report of each column says what to compare each figure with.",
        "Two figures can differ although their intervals overlap. On the same texts, a paired "
        "comparison with `--baseline` finds smaller differences.",
    ]
    empty = _spans("The evidence", sides, ["test", "figure"])
    return empty.model_copy(update={"rows": rows, "notes": notes})


def _findings(sides: Sequence[Side]) -> dict[str, TableData]:
    """What each report finds, and the figures that decided; nothing where none finds anything."""
    if all(f.status == "not_assessed" for side in sides for f in side.report.findings.values()):
        return {}
    statuses: list[list[Cell]] = []
    figures: list[list[Cell]] = []
    for name in sides[0].report.findings:
        found = [side.report.findings[name] for side in sides]
        statuses.append([name.replace("_", " "), *(f.status.replace("_", " ") for f in found)])
        metrics = dict.fromkeys(f.metric for f in found if f.metric)
        if metrics:
            spans = [cell for f in found for cell in (f.statistic, *(f.interval or (None, None)))]
            figures.append([name.replace("_", " "), ", ".join(metrics), *spans])
    tables = {
        f"{COMPARED}.findings": TableData(
            title="Findings",
            columns=["finding", *(side.name for side in sides)],
            rows=statuses,
            notes=["A finding is about one recipe, one data set and one split."],
        )
    }
    if figures:
        empty = _spans("The figures that decided", sides, ["finding", "figure"])
        tables[f"{COMPARED}.statistics"] = empty.model_copy(update={"rows": figures})
    return tables


def _metrics(sides: Sequence[Side]) -> TableData:
    """Every metric that any report has."""
    names = dict.fromkeys(name for side in sides for name in side.report.metrics)
    rows: list[list[Cell]] = []
    for name in names:
        row: list[Cell] = [name]
        for side in sides:
            metric = side.report.metrics.get(name)
            row += _NONE if metric is None else (metric.value, metric.ci_low, metric.ci_high)
        rows.append(row)
    empty = _spans("All metrics", sides, ["metric"])
    return empty.model_copy(update={"rows": rows, "detail": True})
