"""How a subcommand ends: the report in the form asked for, and the exit code of its gates."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import typer

from attnaudit.cli.streams import check_written
from attnaudit.errors import InputError, Kind, OutputError, harmless
from attnaudit.report.formats import find_format, format_of
from attnaudit.report.formats.format import Format, Rendering

if TYPE_CHECKING:
    from attnaudit.report.combine import Combined
    from attnaudit.report.demands import Demands


TEXT, JSON, HTML, MARKDOWN = map(find_format, ("text", "json", "html", "markdown"))


def help_alone(context: typer.Context) -> None:
    """What a command says that was called without a subcommand."""
    sys.stderr.write(context.get_help() + "\n")
    raise typer.Exit(2)


def show(text: str, kind: Kind = "text") -> None:
    """Print to stdout; `kind` says what the text is, and so how its characters are escaped.

    A reader who has gone (`| head`) is no error, and changes no exit code. Raises OutputError
    where the text cannot be written for another reason.
    """
    sys.stdout.write(harmless(text, kind, sys.stdout.encoding or "ascii"))
    check_written()


def check_outputs(*paths: Path | None, inputs: tuple[str | Path | None, ...] = ()) -> None:
    """Raise OutputError now for a file that could not be written after long work.

    Nor may an output take the place of an input or of another output.
    """
    from attnaudit.execution.files import check_writable

    taken = {os.path.realpath(path): "read" for path in inputs if path is not None}
    for path in paths:
        if path is None or str(path) == "-":
            continue
        check_writable(path)
        place = os.path.realpath(path)
        if place in taken:
            raise OutputError(
                f"is also {taken[place]} by this command", where=path, hint="choose another name"
            )
        taken[place] = "written"


def files_of(data: Path) -> tuple[Path, ...]:
    """The files that a dataset spec names; raises InputError for a spec that cannot be used."""
    from attnaudit.data.spec import SPEC_SUFFIXES, load_spec

    if data.suffix.lower() not in SPEC_SUFFIXES:
        return ()
    spec = load_spec(data)
    files = (spec.file,) if spec.file else tuple(map(spec.path, spec.splits()))
    return files if spec.docs is None else (*files, spec.docs)


def read_demands(policy: Path | None, baseline: Path | None) -> Demands | None:
    """What the report will be checked against, as of today; None where nothing was asked for.

    Raises InputError before any work starts.
    """
    if policy is None and baseline is None:
        return None
    import datetime

    from attnaudit.report import demands

    return demands.read_demands(policy, baseline, datetime.date.today())


def check_shown(count: int, audit: str) -> None:
    """Raise InputError for heatmaps of an audit whose records hold no attention."""
    if not count:
        return
    from attnaudit.questions import all_questions

    asked = [question for question in all_questions() if question.command == audit]
    if not any(question.attention for question in asked):
        raise InputError(
            f"--show: records of {audit} do not contain the attention",
            hint=f"{_showing()} shows it",
        )


def finish(
    made: Combined,
    form: Format | None = None,
    output: Path | None = None,
    *,
    as_json: bool = False,
    asked: bool = False,
    strict: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    summary: bool = False,
    digits: int | None = None,
    instead: str | None = None,
) -> NoReturn:
    """Write and show the report in the format asked for, then exit with 0 or 1 as its gates say.

    A file gets that format, or the one that its name asks for, and stdout the text for those who
    watch, unless it is to be `quiet`; without a file the format goes to stdout. `as_json` is JSON
    alone on stdout. `asked` says that heatmaps were asked for. Of a page, `summary` is the first
    sheet alone. Figures have `digits` behind the point; None leaves them to the format. A text
    `instead` stands on stdout in place of the report.
    """
    from attnaudit.execution.files import write_text
    from attnaudit.report.gates import exit_code

    def written(form: Format, terminal: TextIO | None) -> str:
        given = (made, strict, verbose, asked, terminal, os.environ, summary, digits)
        return form.render(Rendering(*given))

    watched = None if quiet else TEXT
    if output is None:
        shown = form or watched
    elif str(output) == "-":
        shown = form or JSON
    else:
        shown = watched
        write_text(output, written(form or format_of(output), None))
    if as_json:
        shown = JSON
    if shown is not None and shown.step_summary:
        _add_summary(written(MARKDOWN, None))
    if instead is not None:
        show(instead, "commands")
    elif shown is not None:
        show(written(shown, sys.stdout), shown.kind)
    raise typer.Exit(exit_code(made.report.gates, strict))


def check_format(form: Format | None, output: Path | None) -> None:
    """Raise InputError now where the report could not be written to `output` as `finish` would."""
    if form is None and output is not None and str(output) != "-":
        form = format_of(output)
    if form is not None:
        form.check()


def check_page(form: Format | None, output: Path | None) -> None:
    """Raise InputError where --summary was asked of something else than a page."""
    if form is None and output is not None and str(output) != "-":
        form = format_of(output)
    if form is not HTML:
        raise InputError(
            "--summary is for pages", hint="add --format html, or give -o a name that ends in .html"
        )


def heatmaps_in(form: Format | None, output: Path | None) -> int:
    """How many heatmaps are shown where none are asked for."""
    if form is None:
        form = TEXT if output is None or str(output) == "-" else format_of(output)
    return form.heatmaps


def check_gallery(made: Combined, files: Sequence[Path]) -> None:
    """Raise InputError where heatmaps were asked for, and the `files` give none."""
    if made.gallery is None or not made.gallery.heatmaps:
        first = next(iter(files), None) if made.summaries else None
        raise InputError(
            "--show needs records that contain both attention and words",
            where=first,
            hint=f"run {_showing()} with --text and --records",
        )


def _showing() -> str:
    """The commands whose records show the attention of the audited model: `a, b or c`."""
    from attnaudit.questions import all_questions
    from attnaudit.report.listing import listed

    showing = (question.command for question in all_questions() if question.attention)
    return listed(showing, "or")


def html_or_hint(made: Combined, path: Path) -> str:
    """Write the HTML page to `path` if the extra is there; what became of it, in words."""
    from attnaudit.execution.files import write_text

    try:
        write_text(path, HTML.render(Rendering(made)))
    except InputError as error:
        return f"no {path}: {error}"
    return f"Wrote {path}"


def _add_summary(markdown: str) -> None:
    """Append the report to the summary of the GitHub step that this runs in, if it does."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    from attnaudit.execution.files import output_errors

    with output_errors(Path(name)), Path(name).open("a", encoding="utf-8") as summary:
        summary.write(markdown)
