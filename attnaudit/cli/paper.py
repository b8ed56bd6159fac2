"""What `attnaudit report` does for a paper: columns side by side, published figures, files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from attnaudit.errors import InputError
from attnaudit.report.formats import format_of
from attnaudit.report.formats.format import Format

if TYPE_CHECKING:
    from attnaudit.findings.rules import Deltas
    from attnaudit.report.combine import Combined
    from attnaudit.report.compared import Side


def check_comparison(form: Format | None, output: Path | None, other: Sequence[object]) -> None:
    """Raise InputError for --compare with what it does not go with."""
    if any(other):
        raise InputError(
            "--compare cannot be used together with --policy, --baseline, --show, "
            "--show-id, --calibration, --summary or --interactive",
            hint="use these options in the report of each single model",
        )
    if form is None and output is not None and str(output) != "-":
        form = format_of(output)
    if form is not None and not form.tables:
        raise InputError(
            f"the format {form.name} has no tables, and --compare makes tables",
            hint="choose text, markdown, html, latex, csv or json",
        )


def check_citations(quiet: bool, taken: bool) -> None:
    """Raise InputError for --cite where stdout is `quiet`, or `taken` by the report."""
    if quiet:
        raise InputError("--cite and --quiet cannot be used together")
    if taken:
        raise InputError(
            "--cite prints references instead of the report",
            hint="write the report to a file with -o FILE",
        )


def check_figures_folder(folder: Path | None) -> None:
    """Raise InputError or OutputError now where no figure could be written later."""
    if folder is None:
        return
    from attnaudit.execution.files import check_folder
    from attnaudit.report.figures import check_figures

    check_figures()
    check_folder(folder)


def side_by_side(
    paths: Sequence[Path], deltas: Deltas | None, command_line: Sequence[str]
) -> tuple[Combined, list[Side]]:
    """The report that compares those in `paths`, and each of them."""
    from attnaudit.report.combine import Combined
    from attnaudit.report.compared import load_sides
    from attnaudit.report.comparison import compare_reports

    sides = load_sides(paths, deltas)
    return Combined(compare_reports(sides, command_line)), sides


def beside_published(made: Combined, key: str, sides: Sequence[Side]) -> Combined:
    """The report with the figures of the published row `key` beside those of each side."""
    from attnaudit.report.published import find_published, with_published

    reports = {side.name: side.report for side in sides}
    return replace(made, report=with_published(made.report, find_published(key), reports))


def write_all_figures(sides: Sequence[Side], folder: Path) -> None:
    """Write the figures of every side, each in a folder of its own where there are several."""
    from attnaudit.report.figures import slug, write_figures

    for side in sides:
        if not side.made.summaries:
            raise InputError(
                "--figures: figures need records, and this is a report",
                where=side.path,
                hint="give the files that --records wrote, or the folder of an audit",
            )
    for side in sides:
        place = folder / slug(side.name) if len(sides) > 1 else folder
        written = write_figures(side.made, place)
        sys.stderr.write(f"Wrote {len(written)} files into {place}\n")


def bibliography(sides: Sequence[Side]) -> str:
    """BibTeX of every work that a side rests on, each once."""
    from attnaudit.explanations.citations import cited

    works = {work.key: work for side in sides for work in cited(side.report)}
    return "".join(f"{works[key].bibtex()}\n\n" for key in sorted(works, key=str.casefold))
