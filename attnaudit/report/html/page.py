"""The report as one HTML page that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from attnaudit.drawing.palette import DARK, LIGHT, variables
from attnaudit.errors import InputError, printable
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.questions import all_questions
from attnaudit.records.schema import Verification
from attnaudit.report import gates
from attnaudit.report.combine import COMBINED, Combined
from attnaudit.report.heatmaps import caption, chosen, heading, remark
from attnaudit.report.layout import Column, cut, laid_out
from attnaudit.report.schema import Report, TableData
from attnaudit.report.warnings import warnings
from attnaudit.report.wording import MEANING, Fact, facts, in_words, missing

if TYPE_CHECKING:
    from jinja2 import Template

    from attnaudit.drawing.drawn import Drawn
    from attnaudit.questions.question import Question

# What each status looks like: the colour and the shape say the same as the word.
_LOOKS = {
    "for": "good",
    "pass": "good",
    "against": "bad",
    "fail": "bad",
    "inconclusive": "open",
    "waived": "waived",
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


@dataclass
class _Section:
    """What the page shows of one question, which a `command` asks, or of something else."""

    title: str
    command: str = ""
    figures: Sequence[Drawn] = ()
    tables: list[TableData] = field(default_factory=list)
    details: list[TableData] = field(default_factory=list)

    def add(self, table: TableData) -> None:
        """A table more."""
        (self.details if table.detail else self.tables).append(cut(table))


def html_page(made: Combined) -> str:
    """The report as a page, with the figures of its summaries and the heatmaps of its gallery.

    Without summaries the page has tables only, and says so. The same report gives the same text.
    Raises InputError where what draws the page is not installed.
    """
    template, report, gallery = _template(), made.report, made.gallery
    figures, remarks = _figures(made)
    if made.summaries and not (gallery and gallery.heatmaps):
        remarks.append("Heatmaps need records that hold words: run with --text.")
    return template.render(
        report=report,
        light=variables(LIGHT),
        dark=variables(DARK),
        css=_resource("page.css"),
        warnings=warnings(report),
        facts=[*facts(report), *_digests(report)],
        findings=[_card(name, finding) for name, finding in report.findings.items()],
        meaning_title=MEANING,
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
        sections=_sections(report, figures),
        columns=_columns,
        notes=list(dict.fromkeys(report.notes)),  # audits of the same data say the same of it
        undefined=list(missing(report)),
        missing=remarks,
        drawn=bool(made.summaries),
        gallery=gallery,
        chosen=chosen,
        heading=heading,
        remark=remark,
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
            f"the format html needs {error.name}, which is not installed",
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


def _card(name: FindingName, finding: Finding) -> dict[str, Any]:
    return {
        "name": name.replace("_", " ").capitalize(),
        "look": _look(finding.status),
        "words": in_words(name, finding),
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


def _figures(made: Combined) -> tuple[dict[str, list[Drawn]], list[str]]:
    """The figures of each question, and a remark for each that lacks what its figures show."""
    summaries, labels = made.summaries, made.labels
    asked = [question for question in all_questions() if question.name in summaries]
    figures = {question.name: question.figures(summaries, labels) for question in asked}
    remarks = [
        f"The records of {question.name} do not hold what its figures show."
        for question in asked
        if question.draws and not figures[question.name]
    ]
    return figures, remarks


def _sections(report: Report, figures: Mapping[str, list[Drawn]]) -> list[_Section]:
    """A section a question, in the order of the report's tables; figures go with their question.

    Other tables stand under the first part of their name, or under the report's own.
    """
    sections: dict[str, _Section] = {}

    def of(question: Question) -> _Section:
        drawn = figures.get(question.name, ())
        return sections.setdefault(question.name, _Section(question.asks, question.command, drawn))

    for name, table in report.tables.items():
        owner = next((question for question in all_questions() if question.owns(name)), None)
        if owner is not None:
            of(owner).add(table)
        else:
            stem = name.partition(".")[0]
            title = stem if report.audit == COMBINED or stem == "baseline" else report.audit
            shown = _Section(title.replace("_", " ").capitalize())
            sections.setdefault(title, shown).add(table)
    for question in all_questions():
        if figures.get(question.name):
            of(question)
    return list(sections.values())


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
        *([("Checked", [_checked(m.verification)])] if m.verification else []),
        ("Started", [m.started]),
        ("Finished", [m.finished or "not finished"]),
    ]


def _checked(found: Verification) -> str:
    unusual = ", ".join(f"{count} {why}" for why, count in found.unusual.items())
    return (
        f"on {found.texts:,} texts ({unusual or 'none unusual'}; {found.drawn:,} drawn at random),"
        " what is read differs from the model's own answer by at most"
        f" {found.largest_difference:.1g} (allowed: {found.tolerance:.1g})"
    )
