"""The report on several labels of one model: a row each, beside the report of each label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attnaudit.findings.rules import not_assessed
from attnaudit.measures.summary import Cell
from attnaudit.questions import all_questions
from attnaudit.records.schema import DatasetFacts, ModelFacts
from attnaudit.report.listing import listed
from attnaudit.report.schema import Gate, Report, TableData, with_meaning
from attnaudit.report.warnings import besides_gates, with_warnings

LABELS = "labels"  # what a report on several labels has as its `audit`
AUDITED = "audited_labels"  # the fact of such a report that lists them
_F1 = ("F1", "model.f1")
# What the report of one label says of that label.
_OF_ONE = ("label", "label_of", "labels", "classes", "positive")


def report_of_labels(
    reports: Mapping[str, Report], folders: Mapping[str, str], command_line: Sequence[str] = ()
) -> Report:
    """One report with a row for each label; it finds nothing itself, and has the gates of all.

    Args:
        reports: the report of each label.
        folders: where each stands, for the reader.
        command_line: the words of the call.
    """
    parts = list(reports.values())
    first = parts[0]
    model: dict[str, Any] = first.model.model_dump(exclude=set(_OF_ONE))
    model[AUDITED] = list(reports)
    dataset = first.dataset.model_dump(exclude=set(_OF_ONE))
    manifest = first.manifest.model_copy(
        update={
            "command_line": list(command_line),
            "settings": {},
            "files": {n: digest for r in parts for n, digest in r.manifest.files.items()},
            "finished": max((r.manifest.finished or "" for r in parts), default="") or None,
        }
    )
    made = Report(
        audit=LABELS,
        model=ModelFacts(**model),
        dataset=DatasetFacts(**dataset),
        settings={},
        metrics={},
        tables={LABELS: _table(reports, folders)},
        findings=not_assessed(),
        gates=[_renamed(gate, label) for label, r in reports.items() for gate in r.gates],
        notes=list(_warned(reports)),
        manifest=manifest,
    )
    return with_warnings(with_meaning(made))


def _renamed(gate: Gate, label: str) -> Gate:
    return gate.model_copy(update={"id": f"{label}: {gate.id}"})


def _table(reports: Mapping[str, Report], folders: Mapping[str, str]) -> TableData:
    """How often each label is, how well the model gives it, and a figure of each test."""
    rows = [row for question in all_questions() for row in question.evidence if row.short]
    known = {name for report in reports.values() for name in report.metrics}
    figures = [_F1, *((row.short, row.metric) for row in rows if row.metric in known)]
    columns = [column for name, _ in figures for column in (name, "low", "high")]
    cells: list[list[Cell]] = []
    for label, report in reports.items():
        row: list[Cell] = [label, report.dataset.positive]
        for _, metric in figures:
            found = report.metrics.get(metric)
            row += (None,) * 3 if found is None else (found.value, found.ci_low, found.ci_high)
        cells.append(row)
    notes = [
        "Each label is a yes or no of its own: the classes are `not NAME` and `NAME`. F1 is that of"
        " the texts with the label.",
        *(f"{row.short}: {row.figure} ({row.metric})." for row in rows if row.metric in known),
        "If few texts have a label, most answers are a sure no, and hardly move whatever the"
        " weights are. So compare labels that are about as frequent.",
        f"The whole report of each label: {', '.join(folders.values())}.",
    ]
    return TableData(
        title="The labels", columns=["label", "texts with it", *columns], rows=cells, notes=notes
    )


def _warned(reports: Mapping[str, Report]) -> Iterator[str]:
    """What a reader of single labels must know first: each kind of warning once, with its labels.

    The words are given where they are the same for all of these labels.
    """
    said: dict[str, dict[str, str]] = {}
    for label, report in reports.items():
        for warned in besides_gates(report):
            said.setdefault(warned.name, {})[label] = warned.words
    for name, words in said.items():
        which = "all labels" if len(words) == len(reports) else listed(words)
        one, *others = set(words.values())
        yield f"Warning, {name} ({which}): {'their reports say more.' if others else one}"
