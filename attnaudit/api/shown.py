"""How results show themselves in a notebook: small HTML, in which every text is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from attnaudit.drawing.palette import LIGHT, variables
from attnaudit.errors import printable
from attnaudit.report import gates
from attnaudit.report.combine import Combined
from attnaudit.report.evidence_table import evidence_table
from attnaudit.report.heatmaps import caption, chosen, heading, remark
from attnaudit.report.layout import laid_out
from attnaudit.report.schema import Report, TableData
from attnaudit.report.wording import MEANING, facts, findings

# Notebooks have light and dark surroundings; a result brings its own paper and ink.
_PAPER = (
    "background: var(--page); color: var(--ink); padding: 0.5em 1em; max-width: 60em;"
    " font-family: sans-serif;"
)
_CELL = "text-align: left; padding: 0 1em 0 0;"


def page(made: Combined) -> str:
    """The heart of a report: what was audited, evidence, findings, their meaning, gates, heatmaps.

    The whole report is what the format html makes of it.
    """
    report = made.report
    parts = [
        _lines("<b>{}</b> {}", ((fact.name, fact.words) for fact in facts(report))),
        _table(evidence_table(report)),
        *_findings(report),
        *_gates(report),
        *_heatmaps(made),
    ]
    return _paper("".join(parts))


def picture(title: str, svg: str, below: str) -> str:
    """A figure with its title and caption; `svg` is markup already."""
    return _paper(
        f'<figure style="margin: 0; max-width: 36em"><b>{_text(title)}</b>{svg}'
        f"<figcaption>{_text(below)}</figcaption></figure>"
    )


def _paper(content: str) -> str:
    return f'<div style="{variables(LIGHT)} {_PAPER}">{content}</div>'


def _text(text: object) -> str:
    return html.escape(printable(text))


def _lines(form: str, rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"<div>{form.format(*map(_text, row))}</div>" for row in rows)


def _table(table: TableData) -> str:
    columns = laid_out(table)
    head = "".join(f'<th style="{_CELL}">{_text(column.header)}</th>' for column in columns)
    rows = zip(*(column.cells for column in columns), strict=True)
    cells = ("".join(f'<td style="{_CELL}">{_text(c.strip())}</td>' for c in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<h4>{_text(table.title)}</h4><table><tr>{head}</tr>{body}</table>"


def _findings(report: Report) -> Iterator[str]:
    assessed = findings(report)
    if not assessed:
        return
    yield "<h4>Findings</h4>"
    yield _lines(
        "<b>{}: {}.</b> {}. {}", ((f.name, f.status, f.answer, f.reason) for f in assessed)
    )
    if report.meaning:
        yield f"<h4>{_text(MEANING)}</h4>"
        yield _lines("{}", ((line,) for line in report.meaning))


def _gates(report: Report) -> Iterator[str]:
    if report.gates:
        yield f"<h4>Gates: {_text(gates.counts(report.gates))}</h4>"
        yield _lines(
            "<b>{}: {}</b> {}", ((g.status, g.id, gates.described(g)) for g in report.gates)
        )


def _heatmaps(made: Combined) -> Iterator[str]:
    gallery = made.gallery
    if gallery is None or not gallery.heatmaps:
        return
    yield f"<h4>Heatmaps</h4><div>{_text(chosen(gallery))}</div>"
    for heatmap in gallery.heatmaps:
        yield f"<p><b>{_text(heading(heatmap, gallery.labels))}</b></p>"
        for row in heatmap.rows:
            words = zip(heatmap.tokens, heatmap.levels(row), strict=True)
            shown = " ".join(
                f'<span style="background: var(--w{level})">{_text(word)}</span>'
                if level
                else _text(word)
                for word, level in words
            )
            yield f"<div>{_text(caption(heatmap, row, gallery.labels))}: {shown}</div>"
        if (said := remark(heatmap)) is not None:
            yield f"<div><i>{_text(said)}</i></div>"
