"""The report as one HTML page that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnaudit.errors import InputError, printable
from attnaudit.findings.finding import Finding
from attnaudit.report import gates
from attnaudit.report.heatmaps import caption, heading
from attnaudit.report.html.palette import DARK, LIGHT, variables
from attnaudit.report.layout import Column, laid_out
from attnaudit.report.schema import Report, TableData
from attnaudit.report.wording import Fact, facts, figure, missing

if TYPE_CHECKING:
    from jinja2 import Template

    from attnaudit.report.html.drawn import Drawn

HEATMAPS = 5
COMBINED = "report"  # what a report of several audits gives as its audit

# What each status looks like: the colour and the shape say the same as the word.
_LOOKS = {
    "for": "good",
    "pass": "good",
    "against": "bad",
    "fail": "bad",
    "inconclusive": "open",
    "waived": "waived",
}
_QUESTIONS = {
    "necessary": "Do learned attention weights answer better than uniform ones?",
    "hard_to_manipulate": "Does other attention cost the model its answers?",
    "out_of_context": "Do the weights help a model that sees no context?",
}


@dataclass(frozen=True)
class _ShownColumn:
    """A column whose numbers stand to the right."""

    header: str
    cells: Sequence[str]
    numeric: bool

    @classmethod
    def of(cls, column: Column) -> _ShownColumn:
        # The padding that keeps intervals in line on a terminal is of no use here.
        cells = [" ".join(cell.split()).replace("[ ", "[") for cell in column.cells]
        numeric = column.justify == "right" or column.header.endswith("[low, high]")
        return cls(column.header, cells, numeric)


@dataclass(frozen=True)
class _Section:
    """What the page shows of one audit."""

    title: str
    tables: Sequence[TableData]
    details: Sequence[TableData]
    figures: Sequence[Drawn]


def html_page(report: Report, records: Sequence[Path], heatmaps: int = HEATMAPS) -> str:
    """The report as a page, with figures and up to `heatmaps` heatmaps from its `records`.

    `records` are the files that the report was computed from, by audit; without them the page has
    tables only and says so. The same report and records give the same text.

    Raises:
        InputError: What draws the page is not installed, or a file of records cannot be read.
    """
    template = _template()
    from attnaudit.report.html.gather import gather

    found = gather(records, heatmaps)
    return template.render(
        report=report,
        light=variables(LIGHT),
        dark=variables(DARK),
        css=_resource("page.css"),
        facts=[*facts(report), *_digests(report)],
        findings=[_card(name, finding) for name, finding in report.findings.items()],
        gate_counts=gates.counts(report.gates),
        gates=[
            {
                "gate": gate,
                "look": _look(gate.status),
                "words": gates.described(gate),
                "waiver": gates.waiver_words(gate),
                "place": gates.place(gate),
            }
            for gate in report.gates
        ],
        sections=_sections(report, found.figures),
        columns=_columns,
        notes=list(dict.fromkeys(report.notes)),  # audits of the same data say the same of it
        undefined=list(missing(report)),
        missing=found.missing,
        drawn=bool(records),
        gallery=found.gallery,
        heading=heading,
        caption=caption,
        metrics=_metrics_table(report),
        manifest=_manifest(report),
    )


@cache
def _template() -> Template:
    """The page's template; every value is escaped, and its control characters are shown."""
    try:
        import jinja2
        import matplotlib  # noqa: F401 - asked for here, so that the hint is given in one place
    except ImportError as error:
        raise InputError(
            f"an HTML report needs {error.name}, which is not installed",
            hint='pip install "attnaudit[html]"',
        ) from None
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: value if hasattr(value, "__html__") else printable(value),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(_resource("page.html"))


def _resource(name: str) -> str:
    return resources.files("attnaudit.report.html").joinpath(name).read_text(encoding="utf-8")


def _look(status: str) -> str:
    return _LOOKS.get(status, "none")


def _card(name: str, finding: Finding) -> dict[str, Any]:
    return {
        "name": name.replace("_", " ").capitalize(),
        "question": _QUESTIONS[name],
        "status": finding.status.replace("_", " "),
        "look": _look(finding.status),
        "reason": finding.reason,
        "figure": figure(finding),
        "rule": finding.rule,
        "scope": finding.scope,
    }


def _digests(report: Report) -> list[Fact]:
    """What names the audited files beyond doubt."""
    digests = {"model sha256": report.model.sha256, "data sha256": report.dataset.sha256}
    return [Fact(name, digest[:12]) for name, digest in digests.items() if digest is not None]


def _columns(table: TableData) -> list[_ShownColumn]:
    return [_ShownColumn.of(column) for column in laid_out(table)]


def _metrics_table(report: Report) -> TableData:
    """Every metric with its interval, n, unit and the direction that is better."""
    return TableData(
        title="All metrics",
        columns=["metric", "value", "low", "high", "n", "undefined", "better", "unit", "remark"],
        rows=[
            [
                name,
                *(m.value, m.ci_low, m.ci_high, m.n, m.undefined),
                "" if m.direction == "neutral" else m.direction,
                m.unit,
                m.reason or "",
            ]
            for name, m in report.metrics.items()
        ],
        notes=[],
    )


def _sections(report: Report, figures: Mapping[str, list[Drawn]]) -> list[_Section]:
    """A section an audit, in the order of the report's tables; figures go with their audit."""
    tables: dict[str, list[TableData]] = {}
    for name, table in report.tables.items():
        own = report.audit == COMBINED or name == "baseline"
        stem = name.partition(".")[0] if own else _stem(report.audit)
        tables.setdefault(stem, []).append(table)
    drawn = {_stem(audit): found for audit, found in figures.items() if found}
    for stem in drawn:
        tables.setdefault(stem, [])
    return [
        _Section(
            stem.replace("_", " ").capitalize(),
            [table for table in found if not table.detail],
            [table for table in found if table.detail],
            drawn.get(stem, []),
        )
        for stem, found in tables.items()
    ]


def _stem(audit: str) -> str:
    return audit.replace("-", "_")


def _manifest(report: Report) -> list[tuple[str, list[str]]]:
    """What is needed to repeat the run, line by line."""
    m = report.manifest
    return [
        ("Command", [" ".join(m.command_line)]),
        ("attnaudit", [m.attnaudit]),
        ("Settings", [f"{name}: {json.dumps(value)}" for name, value in m.settings.items()]),
        ("Seeds", [", ".join(map(str, m.seeds))]),
        ("Files", [f"{name}: sha256 {digest}" for name, digest in m.files.items()]),
        ("Python", [m.python]),
        ("Packages", [f"{name} {version}" for name, version in m.packages.items()]),
        ("Machine", [f"{m.platform.system} {m.platform.machine}, {m.device}, {m.dtype}"]),
        ("Threads", [str(m.threads)]),
        ("Started", [m.started]),
        ("Finished", [m.finished or "not finished"]),
    ]
