"""The result of an audit, for programs and notebooks."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnaudit.api.shown import page, picture
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_file, write_text
from attnaudit.findings.finding import Finding, FindingName
from attnaudit.questions import all_questions
from attnaudit.report import gates
from attnaudit.report.combine import Combined, combine
from attnaudit.report.demands import read_demands
from attnaudit.report.formats import FORMATS, find_format, format_of
from attnaudit.report.formats.format import Rendering
from attnaudit.report.rebuild import is_records
from attnaudit.report.schema import Gate, Metric, Report, TableData

if TYPE_CHECKING:
    import pandas as pd

    from attnaudit.drawing.drawn import Drawn


@dataclass(frozen=True)
class Figure:
    """A figure: `svg` is an element of a page, `numbers` the table behind it."""

    title: str
    caption: str
    svg: str
    numbers: TableData

    @classmethod
    def of(cls, drawn: Drawn) -> Figure:
        """The figure that a question has drawn."""
        from attnaudit.report.build import table_of

        return cls(drawn.title, drawn.caption, drawn.svg, table_of(drawn.numbers))

    def __repr__(self) -> str:
        return f"<Figure {self.title!r}>"

    def _repr_html_(self) -> str:
        return picture(self.title, self.svg, self.caption)


@dataclass(frozen=True, repr=False)
class Audit:
    """A report, with everything that it was made from.

    `made` is the report as all formats show it. `files` are the files of records by question; empty
    if a report was read. `remarks` are messages from the run. Records that you did not ask for are
    removed when nothing refers to this object any more.
    """

    made: Combined
    files: Mapping[str, Path] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    _kept: Any = None

    @property
    def report(self) -> Report:
        """The report; `attnaudit report --schema` prints its schema."""
        return self.made.report

    @property
    def metrics(self) -> dict[str, Metric]:
        """The figures by name, each with `value`, `ci_low`, `ci_high` and `n`."""
        return self.report.metrics

    @property
    def findings(self) -> dict[FindingName, Finding]:
        """The findings by name, each with `status` and `reason`."""
        return self.report.findings

    @property
    def meaning(self) -> list[str]:
        """What the findings mean for showing the heatmap, in sentences."""
        return self.report.meaning

    @property
    def tables(self) -> dict[str, TableData]:
        """The tables by name."""
        return self.report.tables

    @property
    def gates(self) -> list[Gate]:
        """The gates of the policy and of the comparison with a baseline."""
        return self.report.gates

    @property
    def figures(self) -> list[Figure]:
        """The figures (drawings) of all questions whose records are available.

        Raises InputError if matplotlib is not installed.
        """
        find_format("html").check()
        summaries, labels = self.made.summaries, self.made.labels
        asked = (question for question in all_questions() if question.name in summaries)
        drawn = (one for question in asked for one in question.figures(summaries, labels))
        return [Figure.of(one) for one in drawn]

    def passed(self, strict: bool = True) -> bool:
        """Whether no gate failed. With `strict`, inconclusive gates count as failed."""
        return not gates.exit_code(self.gates, strict)

    def to_frame(self, *, lists: bool = False, runs: bool = False) -> pd.DataFrame:
        """The figures of each text as a pandas frame; see `attnaudit.read_records`.

        Raises InputError if pandas is not installed, or if there are no records.
        """
        from attnaudit.api.frames import frame_of

        sources = [
            (part, self.files[part.header.audit])
            for part in self.made.parts
            if part.header is not None and part.header.audit in self.files
        ]
        if not sources:
            raise InputError(
                "a report has no figures of single texts",
                hint="read the records of the audit, not its report",
            )
        return frame_of(sources, lists=lists, runs=runs)

    def render(self, form: str = "text", strict: bool = False) -> str:
        """The report in a format of `attnaudit report --format`.

        Raises InputError for an unknown format, or for one whose extra is not installed.
        """
        known = [one.name for one in FORMATS]
        if form not in known:
            raise InputError(f"no format {form!r}", hint=f"known: {', '.join(known)}")
        return find_format(form).render(Rendering(self.made, strict, asked=self._shows))

    def write(self, path: str | Path, form: str | None = None, strict: bool = False) -> None:
        """Write the report to a file, in a format or as the name of the file asks for.

        Raises InputError as `render` does, OutputError where the file cannot be written.
        """
        path = Path(path)
        write_text(path, self.render(form or format_of(path).name, strict))

    @property
    def _shows(self) -> bool:
        return self.made.gallery is not None

    def __repr__(self) -> str:
        data = self.report.dataset
        return (
            f"<Audit of {self.report.model.name} on {data.name}, split {data.split},"
            f" {data.instances:,} texts: {', '.join(self.made.summaries) or self.report.audit}>"
        )

    def __str__(self) -> str:
        return self.render()

    def _repr_html_(self) -> str:
        return page(self.made)


def read_report(
    *paths: str | Path,
    policy: str | Path | None = None,
    baseline: str | Path | None = None,
    show: int = 0,
) -> Audit:
    """Join records and reports of one model and data set, as `attnaudit report FILE ...` does.

    Args:
        paths: files of records, or reports as JSON.
        policy: a policy file; the report is checked against its gates.
        baseline: an older report or records to compare with.
        show: keep heatmaps of this many texts, from records that were made with text.

    Raises InputError if a file is neither records nor a report, or if the files do not belong
    together.
    """
    if not paths:
        raise InputError("read_report needs at least one file")
    files = [Path(path) for path in paths]
    held = [None if path is None else Path(path) for path in (policy, baseline)]
    demands = read_demands(held[0], held[1], datetime.date.today())
    made = combine(files, demands, None, ("attnaudit.read_report",), show)
    digests = {sha256_file(file): file for file in files if is_records(file)}
    found = {
        part.header.audit: digests[part.digest]
        for part in made.parts
        if part.header is not None and part.digest in digests
    }
    return Audit(made, found)
