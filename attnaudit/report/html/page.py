"""The report as one HTML page that needs nothing else: no network and no other file.

Its only script filters the heatmaps. A content policy names that script by its hash, and without
it the page is complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from attnaudit.drawing.palette import DARK, LIGHT, variables
from attnaudit.errors import printable
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.questions import find_question
from attnaudit.questions.gallery import Gallery, Heatmap
from attnaudit.records.schema import Verification
from attnaudit.report import gates
from attnaudit.report.certainty import INTERVAL, Certainty, certainties
from attnaudit.report.combine import Combined
from attnaudit.report.evidence_table import evidence_table
from attnaudit.report.heatmaps import caption, chosen, heading, legend, remark, scores, signed
from attnaudit.report.html.template import resource, script_hash, template
from attnaudit.report.layout import Column, laid_out
from attnaudit.report.schema import Report, TableData
from attnaudit.report.tested import loud, tested
from attnaudit.report.warnings import warnings
from attnaudit.report.wording import MEANING, findings, in_words, missing, nothing_assessed

_HERE = "attnaudit.report.html"
# What each status looks like: the colour and the shape say the same as the word.
_LOOKS = {
    "for": "good",
    "pass": "good",
    "against": "bad",
    "fail": "bad",
    "inconclusive": "open",
    "waived": "waived",
}
_LONG = 240  # letters of a reason that a card shows, if its first sentence is no longer
_END = re.compile(r"(?<=[a-z0-9)\]%][.!?]) +(?=[A-Z])")  # between two sentences
_WIDE = 7  # columns; wider tables are scrolled on a phone, others become lists


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
        return cls(column.header, cells, not column.wordy)


def html_page(made: Combined, summary: bool = False) -> str:
    """The report as a page, with the figures of its summaries and the heatmaps of its gallery.

    A `summary` is the first part alone, which prints on one sheet. Without summaries of records the
    page has tables only, and says so. The same report gives the same text. Raises InputError where
    what draws the page is not installed.
    """
    page = template(_HERE, "page.html")
    from attnaudit.report.html.compared import below_the_head, comparison_of
    from attnaudit.report.html.links import Links  # these bring what draws the page
    from attnaudit.report.html.sections import figures_of, sections

    report, gallery, links = made.report, made.gallery, Links(live=not summary)
    compared = comparison_of(report)
    figures, remarks = ({}, []) if summary else figures_of(made)
    shown = any(find_question(name).attention for name in made.summaries)
    if shown and not (gallery and gallery.heatmaps):
        remarks.append("Heatmaps need records with words: run the audit with --text.")
    script = resource(_HERE, "page.js")
    return page.render(
        report=report,
        summary=summary,
        compared=compared,
        look=_look,
        links=links,
        light=variables(LIGHT),
        dark=variables(DARK),
        css=resource(_HERE, "page.css"),
        script=script,
        script_hash=script_hash(script),
        warnings=[*warnings(report), *([] if compared else loud(report))],
        tested=list(tested(report)),
        findings=[_card(name, finding) for name, finding in report.findings.items()],
        assessed=bool(findings(report)),
        nothing=nothing_assessed(report),
        found=[] if findings(report) else _columns(evidence_table(report))[1:],  # without the test
        interval=INTERVAL,
        certain=[(one, _ruler(one)) for one in certainties(report)],
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
        sections=[] if summary else sections(below_the_head(report), figures),
        columns=_columns,
        paragraphs=_paragraphs,
        wide=_WIDE,
        notes=list(dict.fromkeys(report.notes)),  # audits of the same data say the same of it
        undefined=list(missing(report)),
        missing=remarks,
        drawn=bool(made.summaries),
        gallery=gallery,
        filters=_filters(gallery) if gallery else {},
        known_by=_known_by,
        chosen=chosen,
        heading=heading,
        legend=legend,
        signed=signed,
        remark=remark,
        scores=scores,
        caption=caption,
        metrics=_metrics_table(report),
        manifest=_manifest(report),
    )


def _look(status: str) -> str:
    return _LOOKS.get(status, "none")


def _first(reason: str) -> tuple[str, str]:
    """What a card shows of a reason, and what is folded: whole sentences, and one at the least.

    A sentence that begins with "But" is shown with the one that it takes back.
    """
    if len(reason) <= _LONG:
        return reason, ""
    cut = None
    for end in _END.finditer(reason):
        if cut is not None and end.start() > _LONG and not reason.startswith("But", cut.end()):
            break
        cut = end
    return (reason, "") if cut is None else (reason[: cut.start()], reason[cut.end() :])


def _card(name: FindingName, finding: Finding) -> dict[str, Any]:
    first, more = _first(finding.reason)
    return {
        "name": name.replace("_", " ").capitalize(),
        "look": _look(finding.status),
        "words": in_words(name, finding),
        "first": first,
        "more": more,
    }


def _ruler(one: Certainty) -> str:
    """The figure of a finding beside its limit; empty where it has none."""
    found = one.finding
    if found is None or found.statistic is None or not found.interval or found.delta is None:
        return ""
    from attnaudit.drawing.ruler import ruler

    low, high = found.interval
    words = f"{one.name}: {found.statistic:.3g}, {low:.3g} to {high:.3g}; limit {found.delta:.3g}"
    return ruler(found.statistic, low, high, found.delta, f"ruler-{one.name.split()[0]}", words)


def _columns(table: TableData) -> list[_ShownColumn]:
    return [_ShownColumn.of(column) for column in laid_out(table)]


def _paragraphs(notes: Sequence[str]) -> list[str]:
    """The notes of a table, each by itself; a sentence broken over several is put together."""
    made: list[str] = []
    for note in notes:
        if made and not made[-1].endswith((".", "!", "?")):
            made[-1] += f" {note}"
        else:
            made.append(note)
    return made


def _filters(gallery: Gallery) -> dict[str, list[str]]:
    """What heatmaps can be filtered by, with the values that occur."""
    known = [_known_by(heatmap, gallery) for heatmap in gallery.heatmaps]
    return {
        by: sorted({one[by] for one in known if one[by]})
        for by in ("gold", "predicted", "answer", "support")
    }


def _known_by(heatmap: Heatmap, gallery: Gallery) -> dict[str, str]:
    """What is known of a heatmap by which readers may look for it."""
    gold, predicted = (printable(gallery.labels[c]) for c in (heatmap.gold, heatmap.predicted))
    right = "right" if heatmap.gold == heatmap.predicted else "wrong"
    support = "" if heatmap.support is None else heatmap.support.status.replace("_", " ")
    return {
        "id": printable(heatmap.id),
        "gold": gold,
        "predicted": predicted,
        "answer": right,
        "support": support,
    }


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


def _manifest(report: Report) -> Iterator[tuple[str, list[str]]]:
    """What is needed to repeat the run, line by line."""
    m = report.manifest
    yield "Command", [" ".join(m.command_line)]
    yield "attnaudit", [m.attnaudit]
    yield "Settings", [f"{name}: {json.dumps(value)}" for name, value in m.settings.items()]
    yield "Seeds", [", ".join(map(str, m.seeds))]
    yield "Files", [f"{name}: sha256 {digest}" for name, digest in m.files.items()]
    yield "Python", [m.python]
    yield "Packages", [f"{name} {version}" for name, version in m.packages.items()]
    yield "Machine", [f"{m.platform.system} {m.platform.machine}, {m.device}, {m.dtype}"]
    yield "Threads", [str(m.threads)]
    if m.verification:
        yield "Checked", [_checked(m.verification)]
    yield "Started", [m.started]
    yield "Finished", [m.finished or "not finished"]


def _checked(found: Verification) -> str:
    unusual = ", ".join(f"{count} {why}" for why, count in found.unusual.items())
    return (
        f"on {found.texts:,} texts ({unusual or 'none unusual'}; {found.drawn:,} drawn at "
        "random), the answers that attnaudit computes differ from the model's own by at most "
        f"{found.largest_difference:.1g} (allowed: {found.tolerance:.1g})"
    )
