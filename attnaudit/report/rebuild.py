"""Reports made again from what a run has left, without its model or data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_file
from attnaudit.inputs import open_input, opening, read_text
from attnaudit.measures.summary import Columns, Summary
from attnaudit.questions import all_questions, find_question
from attnaudit.questions.opening import open_records
from attnaudit.readings.heads import MEAN
from attnaudit.records.older import sections
from attnaudit.records.reading import RecordsFile
from attnaudit.records.schema import Header, Record
from attnaudit.report.build import build_report
from attnaudit.report.ranges import check_report
from attnaudit.report.schema import Report, loads

if TYPE_CHECKING:
    from attnaudit.questions.heatmaps import Chooser
    from attnaudit.report.baseline import Baseline


@dataclass(frozen=True)
class Part:
    """A report, and what it was made from: header and summary are None for one that was read.

    `digest` is the SHA-256 of the file that was read, if there is a file.
    """

    report: Report
    digest: str | None = None
    header: Header | None = None
    summary: Summary | None = None

    @classmethod
    def of(cls, header: Header, summary: Summary, digest: str | None = None) -> Part:
        """The part that records make, without gates and findings."""
        report = build_report(
            find_question(header.audit).command,
            summary,
            model=header.model,
            dataset=header.dataset,
            settings=header.settings,
            manifest=header.manifest,
            gates=[],
        )
        return cls(report, digest, header, summary)

    @property
    def columns(self) -> Columns | None:
        """What the means of the report are means of."""
        return None if self.summary is None else self.summary.columns

    @property
    def trained(self) -> bool:
        """Whether its records are of trained models, on which findings rest."""
        return self.summary is not None and self.summary.runs is not None

    @property
    def reading(self) -> str:
        """What of the attention its records show; those of older versions show the mean."""
        return str(self.report.settings.get("reading", MEAN.name))

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions that it answers; the name of the report where it answers none."""
        if self.header is not None:
            return (self.header.audit,)
        asked = (question for question in all_questions() if question.command == self.report.audit)
        answered = tuple(
            question.name
            for question in asked
            if any(spec.matches(name) for spec in question.metrics for name in self.report.metrics)
        )
        return answered or (self.report.audit,)


def read_baseline(path: Path) -> Baseline:
    """A report or records to compare a newer run with.

    Raises InputError for another file, and for a report whose figures older versions named.
    """
    # It brings numpy, which a report does not need.
    from attnaudit.report.baseline import Baseline, check_current
    from attnaudit.report.combine import joined

    parts = load(path)
    whole = joined(parts)
    baseline = Baseline(path, whole.report, whole.columns, parts[0].digest)
    check_current(baseline)
    return baseline


def is_records(path: Path) -> bool:
    """Whether `path` seems to hold records; raises InputError if it cannot be read."""
    with open_input(path) as stream, opening(path):
        return stream.read(64).startswith(b'{"kind":')


def load(path: Path, chooser: Chooser | None = None) -> list[Part]:
    """The report in `path`, or made from the records there, which are read once.

    Records give a part for each question that they answer. A `chooser` of heatmaps watches them.
    Raises InputError for a file that is neither.
    """
    if not is_records(path):
        report = loads(read_text(path), str(path))
        check_report(report, path)
        return [Part(report, sha256_file(path))]
    file = open_records(path)
    found = [
        (header, _summary(header, records, file, chooser))
        for header, records in sections(file.header, iter(file))
    ]
    try:
        return [Part.of(header, summary, file.digest) for header, summary in found]
    except InputError as error:
        hint = "its records contain impossible figures: run the audit again"
        raise InputError(error.what, where=path, hint=hint) from None


def _summary(
    header: Header, records: Iterator[Record], file: RecordsFile, chooser: Chooser | None
) -> Summary:
    question = find_question(header.audit)
    if chooser:
        reading = header.settings.get("reading")
        named = reading if isinstance(reading, str) else None
        records = chooser.watch(question, header.dataset.split, file, records, named)
    try:
        settings = question.settings.model_validate(header.settings, strict=False)
        summary = question.summarise(records, settings, labels_of(header))
    except (LookupError, TypeError, ValueError) as error:  # pydantic's errors are ValueErrors
        first = str(error).partition("\n")[0]
        raise InputError(
            f"does not contain what records of {question.name} must contain "
            f"({type(error).__name__}: {first})",
            where=file.path,
            hint="run the audit again, with this version of attnaudit",
        ) from error
    if file.sealed:
        return summary
    note = (
        f"The records of {question.name} have no checksums, because an older version wrote "
        "them. So changes to them cannot be detected."
    )
    return replace(summary, notes=[*summary.notes, note])


def labels_of(header: Header) -> list[str]:
    """The names of the classes of the model that the records are of.

    Raises LookupError where the header does not say.
    """
    return [str(label) for label in header.model.model_dump()["labels"]]
