"""The controls at a glance: what each finding must be read with, and what it would mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attnaudit.questions import all_questions
from attnaudit.questions.question import ControlRow
from attnaudit.report.schema import Report, TableData

_MEANING = "what it would mean"
NAME = "controls"


def control_rows() -> Iterator[ControlRow]:
    """Every control, in the order of the questions."""
    for question in all_questions():
        yield from question.controls


def controls_table(report: Report) -> TableData | None:
    """One row for each control that `report` holds the figure of; None where it holds none."""
    rows: list[list[str | int | float | None]] = []
    notes = []
    for row in control_rows():
        metric = report.metrics.get(row.metric)
        if metric is None:
            continue
        others = ((words, report.metrics.get(name)) for words, name in row.compare)
        known = [f"{words} {m.value:.3f}" for words, m in others if m and m.value is not None]
        rows.append([row.control, metric.value, metric.ci_low, metric.ci_high, ", ".join(known)])
        notes.append(f"{_begin(row.control)}{row.meaning}")
    if not rows:
        return None
    columns = ["control", "value", "low", "high", "compare with"]
    return TableData(title="Controls", columns=columns, rows=rows, notes=notes)


def with_controls(report: Report, after: str | None = None) -> Report:
    """The report with its table of controls behind the table `after`, or behind all others.

    A table of that name, which one of its parts has left, makes way.
    """
    tables = {name: table for name, table in report.tables.items() if name != NAME}
    made = controls_table(report)
    if made is None:
        return report.model_copy(update={"tables": tables})
    if after not in tables:
        return report.model_copy(update={"tables": {**tables, NAME: made}})
    ordered: dict[str, TableData] = {}
    for name, table in tables.items():
        ordered[name] = table
        if name == after:
            ordered[NAME] = made
    return report.model_copy(update={"tables": ordered})


def spelt_out(tables: Mapping[str, TableData]) -> dict[str, TableData]:
    """The tables, with what each control would mean in its row in place of the notes below.

    It is for formats that have room for a column of sentences. Where a control has no note, the
    table stays as it is.
    """
    return {name: _spelt_out(table) if name == NAME else table for name, table in tables.items()}


def _spelt_out(table: TableData) -> TableData:
    left, rows = list(table.notes), []
    for row in table.rows:
        beginning = _begin(str(row[0] or ""))
        note = next((note for note in left if note.startswith(beginning)), None)
        if note is None:
            return table
        left.remove(note)
        rows.append([*row, note.removeprefix(beginning)])
    columns = [*table.columns, _MEANING]
    return table.model_copy(update={"columns": columns, "rows": rows, "notes": left})


def _begin(control: str) -> str:
    """How the note on a control begins."""
    return f"{control[:1].upper()}{control[1:]}: "
