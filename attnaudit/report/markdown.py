"""A report as GitHub-flavoured Markdown: for job summaries, pull requests and model cards.

Names, labels and reasons come from files. They are shown as they stand: whatever in them Markdown,
HTML or GitHub would take for markup, a link or a mention is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from attnaudit.errors import printable
from attnaudit.measures.summary import Cell
from attnaudit.report.controls_table import spelt_out
from attnaudit.report.evidence_table import evidence_table
from attnaudit.report.gates import counts, place, said
from attnaudit.report.layout import close, laid_out, named_tables
from attnaudit.report.schema import Gate, GateStatus, Report, TableData
from attnaudit.report.warnings import warnings
from attnaudit.report.wording import MEANING, facts, findings, missing, nothing_assessed, scopes

_MARKS: dict[GateStatus, str] = {
    "pass": "✅ pass",
    "fail": "❌ **fail**",
    "inconclusive": "❔ **inconclusive**",
    "waived": "⚠️ waived",
}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_AT = "@&#8203;"  # a mention would notify people, and an escape does not prevent it
_MARKUP = re.compile(r"[\\`*_\[\]|~$]|:(?=//)|(?<=www)[.]")
_START = re.compile(r"^(\d*)([-+=#.)])")  # what would open a list or a heading
_PLAIN = re.compile(r"[\w.~=\[\]/ -]+", re.ASCII)  # what a code span holds without any doubt


def markdown(report: Report) -> str:
    """The whole report; tables for detail are folded."""
    parts = [
        f"# attnaudit {_text(report.audit)}",
        *_warned(report),
        _table(["", ""], [[fact.name, fact.words] for fact in facts(report)]),
        *_gates(report.gates),
        "## Findings",
        *_findings(report),
        "## Figures",
        *(_section(table) for table in spelt_out(named_tables(report)).values()),
        *_listed([*missing(report), *report.notes]),
        *_metrics(report),
        _folded("Settings and manifest", _manifest(report)),
    ]
    return "\n\n".join(parts) + "\n"


def _warned(report: Report) -> list[str]:
    """The warnings of a report as a list, if there are any."""
    return list(_listed(f"⚠️ Warning, {one.name}: {one.words}" for one in warnings(report)))


def heart(report: Report) -> list[str]:
    """What was audited, the evidence, the findings with their meaning, and the gates.

    Headings are of the third level and below.
    """
    evidence = evidence_table(report).model_copy(update={"detail": False})
    parts = [
        *_warned(report),
        _table(["", ""], [[fact.name, fact.words] for fact in facts(report)]),
        _section(evidence),
        "## Findings",
        *_findings(report),
        *_gates(report.gates),
    ]
    return [f"#{part}" if part.startswith("## ") else part for part in parts]


def _text(text: object) -> str:
    """`text` as one line of Markdown that shows it as it is."""
    shown = re.sub("[&<>]", lambda c: _ENTITIES[c[0]], printable(text).strip())
    return _MARKUP.sub(lambda c: "\\" + c[0], shown).replace("@", _AT)


def _line(text: object) -> str:
    """`text` at the start of a line, where it could open a list or a heading."""
    return _START.sub(r"\1\\\2", _text(text))


def _code(text: str) -> str:
    """A name as code, where it is as plain as names are; else as text."""
    return f"`{text}`" if _PLAIN.fullmatch(text) and text.strip() == text else _text(text)


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool] | None = None
) -> str:
    """Cells are text; the columns that `right` marks are set to the right."""
    return _raw_table([_text(h) for h in head], ([_text(c) for c in row] for row in rows), right)


def _raw_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool] | None = None
) -> str:
    """Cells are Markdown already."""
    rules = ["---:" if r else "---" for r in right or [False] * len(head)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rules, *rows))


def _section(table: TableData) -> str:
    columns = laid_out(table)
    body = ""
    if columns:
        cells = zip(*(close(c) for c in columns), strict=True)
        right = [c.justify == "right" for c in columns]
        body = _table([c.header for c in columns], cells, right)
    notes = _line(" ".join(table.notes))
    body = "\n\n".join(part for part in (body, notes) if part)
    if table.detail:
        return _folded(table.title, body)
    return f"### {_line(table.title)}\n\n{body}".rstrip()


def _metrics(report: Report) -> Iterator[str]:
    """Every metric with its number of texts, which the tables leave out."""
    if not report.metrics:
        return
    columns = ["metric", "value", "low", "high", "n", "unit"]
    rows: list[list[Cell]] = [
        [name, m.value, m.ci_low, m.ci_high, m.n, m.unit] for name, m in report.metrics.items()
    ]
    table = TableData(title="All metrics", columns=columns, rows=rows, notes=[], detail=True)
    yield _section(table)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{_html(title)}</summary>\n\n{body}\n\n</details>"


def _html(text: str) -> str:
    """Text between tags, where Markdown's own escapes are not read."""
    return re.sub("[&<>]", lambda c: _ENTITIES[c[0]], printable(text)).replace("@", _AT)


def _gates(gates: Sequence[Gate]) -> Iterator[str]:
    if not gates:
        return
    yield f"## Gates: {counts(gates)}"
    rows = []
    for gate in gates:
        lines = [_text(line) for line in said(gate)]
        if where := place(gate):
            lines.append(_code(where))
        rows.append([_MARKS[gate.status], _code(gate.id), "<br>".join(lines)])
    yield _raw_table(["", "gate", "why"], rows)


def _findings(report: Report) -> Iterator[str]:
    assessed = findings(report)
    if not assessed:
        yield _text(nothing_assessed(report))
    else:
        rows = []
        for found in assessed:
            asked = f"**{found.name}**<br>{_text(found.question)}"
            answer = f"**{found.status}**<br>{found.answer}"
            why = [_text(found.reason), _text(found.figure)]
            why.append(f"*Rule: {_text(found.rule)}*" if found.rule else "")
            rows.append([asked, answer, "<br>".join(filter(None, why))])
        yield _raw_table(["question", "answer", "why"], rows)
        yield from _listed(f"The findings are about {scope}." for scope in scopes(report))
    if report.meaning:
        yield f"### {MEANING}"
        yield from _listed(report.meaning)


def _listed(lines: Iterable[str]) -> list[str]:
    items = [f"- {_line(line)}" for line in lines]
    return ["\n".join(items)] if items else []


def _manifest(report: Report) -> str:
    content = {
        "settings": report.settings,
        "model": report.model.model_dump(),
        "dataset": report.dataset.model_dump(),
        "manifest": report.manifest.model_dump(),
    }
    # JSON escapes every control character but one. No string starts a line, so none can close the
    # fence.
    text = json.dumps(content, indent=2).replace("\x7f", "\\u007f")
    return f"```json\n{text}\n```"
