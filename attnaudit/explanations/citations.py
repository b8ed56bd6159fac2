"""The works that a report rests on: those that its questions, figures and findings are from."""

from __future__ import annotations

from collections.abc import Iterator

from attnaudit.explanations.findings import FINDINGS
from attnaudit.importance import IMPORTANCES
from attnaudit.questions import all_questions
from attnaudit.readings import find_reading
from attnaudit.report.literature import Work, works_of
from attnaudit.report.registry import find
from attnaudit.report.schema import Report


def cited(report: Report) -> list[Work]:
    """The works behind every method that gave a figure of the report, by authors and year."""
    return works_of(_sources(report))


def _sources(report: Report) -> Iterator[str]:
    names = [name for name, metric in report.metrics.items() if metric.value is not None]
    for name in names:
        spec = find(name)
        if spec is None:
            continue
        yield spec.source
        for value in (spec.values(name) or {}).values():
            parts = (IMPORTANCES.get(part) for part in value.split("~"))
            yield from (importance.source for importance in parts if importance)
    for question in all_questions():
        if any(spec.matches(name) for spec in question.metrics for name in names):
            yield question.source
    assessed = {name for name, f in report.findings.items() if f.status != "not_assessed"}
    yield from (entry.source for entry in FINDINGS if entry.name in assessed)
    yield from (find_reading(name).source for name in sorted(_readings(report)))


def _readings(report: Report) -> set[str]:
    parts = [report.settings, *report.settings.values()]
    return {str(part["reading"]) for part in parts if isinstance(part, dict) and "reading" in part}
