"""A report as one CSV file (RFC 4180): every figure, cell, finding, gate and note is a row.

All rows have the columns of `COLUMNS`; what does not apply is empty. `kind` says what a row is:

* fact: `name` is what the heading says, in `text`;
* metric: `name`, `value`, `low`, `high`, `n`, `undefined`, `unit`, `better`, and in `text` why it
  is missing;
* cell: `name` is that of the table; `row` counts from 1, `label` is the first cell of the row if
  that is a text, `column` is the column's header; then `value`, with its interval, or `text`;
* finding: `name`, `status`, `column` is the metric that decided, then `value`, `low` and `high`,
  and in `text` why;
* gate: `name`, `status`, `column` is what is gated, `value`, and in `text` why;
* note: `name` is the table that it belongs to, `meaning` or `report`; and `text`.

Figures have all their digits, unless a number of digits is asked for. A text that a spreadsheet
would take for a formula (it begins with =, +, - or @) has an apostrophe before it.
"""

from __future__ import annotations

import csv as _csv
import io
from collections.abc import Iterator, Mapping

from attnaudit.errors import harmless, printable
from attnaudit.measures.summary import Cell
from attnaudit.report.digits import exact
from attnaudit.report.gates import described
from attnaudit.report.layout import spans
from attnaudit.report.schema import Report, TableData
from attnaudit.report.warnings import warnings
from attnaudit.report.wording import facts

COLUMNS = (
    *("kind", "name", "row", "label", "column", "value", "low", "high", "n", "undefined", "unit"),
    *("better", "status", "text"),
)
_FORMULA = ("=", "+", "-", "@")

Row = Mapping[str, Cell]


def csv(report: Report) -> str:
    """The report as CSV, with line ends of CR and LF as RFC 4180 has them."""
    stream = io.StringIO()
    writer = _csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows(report):
        writer.writerow([_shown(row.get(name)) for name in COLUMNS])
    return stream.getvalue()


def rows(report: Report) -> Iterator[Row]:
    """The rows of the file, as figures and texts by column."""
    yield from _facts(report)
    for name, metric in report.metrics.items():
        yield {
            "kind": "metric",
            "name": name,
            "value": metric.value,
            "low": metric.ci_low,
            "high": metric.ci_high,
            "n": metric.n,
            "undefined": metric.undefined,
            "unit": metric.unit,
            "better": metric.direction,
            "text": metric.reason,
        }
    for name, table in report.tables.items():
        yield from _cells(name, table)
    for finding, found in report.findings.items():
        low, high = found.interval or (None, None)
        yield {
            "kind": "finding",
            "name": finding,
            "column": found.metric,
            "value": found.statistic,
            "low": low,
            "high": high,
            "status": found.status,
            "text": found.reason,
        }
    for gate in report.gates:
        yield {
            "kind": "gate",
            "name": gate.id,
            "column": gate.metric or gate.finding,
            "value": gate.value,
            "status": gate.status,
            "text": described(gate),
        }
    yield from ({"kind": "note", "name": "meaning", "text": text} for text in report.meaning)
    yield from ({"kind": "note", "name": "report", "text": text} for text in report.notes)


def _facts(report: Report) -> Iterator[Row]:
    yield {"kind": "fact", "name": "audit", "text": report.audit}
    for warned in warnings(report):
        yield {"kind": "warning", "name": warned.name, "text": warned.words}
    for fact in facts(report):
        yield {"kind": "fact", "name": fact.name, "text": fact.words}
    for name, digest in (("model", report.model.sha256), ("data", report.dataset.sha256)):
        if digest is not None:
            yield {"kind": "fact", "name": f"{name} sha256", "text": digest}
    yield {"kind": "fact", "name": "attnaudit", "text": report.manifest.attnaudit}
    yield {"kind": "fact", "name": "started", "text": report.manifest.started}


def _cells(name: str, table: TableData) -> Iterator[Row]:
    """The cells of a table, those of all rows; low and high go with their value."""
    starts = [i for i, column in enumerate(table.columns) if not _is_end(table.columns, i)]
    for number, cells in enumerate(table.rows, 1):
        label = next((cell for cell in cells[:1] if isinstance(cell, str)), None)
        for i in starts:
            found = cells[i]
            row: dict[str, Cell] = {"kind": "cell", "name": name, "row": number, "label": label}
            row["column"] = table.columns[i]
            row["text" if isinstance(found, str) else "value"] = found
            if spans(table.columns, i):
                row["low"], row["high"] = cells[i + 1 : i + 3]
            yield row
    for note in table.notes:
        yield {"kind": "note", "name": name, "text": note}


def _is_end(columns: list[str], i: int) -> bool:
    """Whether column `i` holds an end of the intervals of a column before it."""
    return any(j >= 0 and spans(columns, j) for j in (i - 1, i - 2))


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        text = harmless(printable(cell))
        return f"'{text}" if text.startswith(_FORMULA) else text
    return exact(cell) if isinstance(cell, float) else str(cell)
