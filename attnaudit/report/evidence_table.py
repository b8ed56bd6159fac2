"""The evidence at a glance: the figure of each test, and what to compare it with."""

from __future__ import annotations

from collections.abc import Iterator

from attnaudit.questions import all_questions
from attnaudit.questions.question import EvidenceRow
from attnaudit.report.listing import listed
from attnaudit.report.schema import Report, TableData

_MODEL = EvidenceRow(
    "right answers (accuracy)",
    "model.accuracy",
    "always the most common class",
    "model.majority_accuracy",
)


def _rows() -> Iterator[tuple[str, EvidenceRow]]:
    """Each row with the test that it is of."""
    yield "model", _MODEL
    for question in all_questions():
        for row in question.evidence:
            yield question.command, row


def _limit(report: Report, metric: str) -> str:
    """The limit that a finding holds this figure against; empty where none rests on it."""
    deltas = [f.delta for f in report.findings.values() if f.metric == metric]
    return "".join(f"limit {delta:.3g}" for delta in deltas[:1] if delta is not None)


def evidence_table(report: Report) -> TableData:
    """One row for each test that `report` holds the figure of."""
    rows: list[list[str | int | float | None]] = []
    for test, row in _rows():
        metric = report.metrics.get(row.metric)
        if metric is None:
            continue
        other = report.metrics.get(row.against) if row.against else None
        compared = "" if other is None or other.value is None else f"{row.words} {other.value:.3f}"
        compared = compared or _limit(report, row.metric)
        rows.append([test, row.figure, metric.value, metric.ci_low, metric.ci_high, compared])
    describing = (question.name for question in all_questions() if not question.retrains)
    deciding = (question.name for question in all_questions() if question.decides)
    notes = [
        f"{listed(describing)} describe the audited model. They do not decide any finding.",
        f"The findings are decided by {listed(deciding)}.",
    ]
    notes += [
        f"{question.name} trains models of its own, and decides no finding."
        for question in all_questions()
        if question.retrains and not question.decides and question.command in {r[0] for r in rows}
    ]
    columns = ["test", "figure", "value", "low", "high", "compare with"]
    return TableData(title="The evidence", columns=columns, rows=rows, notes=notes)
