"""How a subcommand ends: the report in the form asked for, and the exit code of its gates."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from attnaudit.cli.options import Format
from attnaudit.errors import InputError, OutputError

if TYPE_CHECKING:
    from attnaudit.report.demands import Demands
    from attnaudit.report.heatmaps import Gallery
    from attnaudit.report.schema import Report


def help_alone(context: typer.Context) -> None:
    """What a command says that was called without a subcommand."""
    typer.echo(context.get_help(), err=True)
    raise typer.Exit(2)


def show(text: str) -> None:
    """Print to stdout.

    A reader who has gone (`| head`) is no error, and changes no exit code. Raises OutputError
    where the text cannot be written for another reason.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is buffered
        if not isinstance(error, BrokenPipeError):
            raise OutputError(
                f"cannot be written ({error.strerror})", where="standard output"
            ) from None


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
                f"is already to be {taken[place]}", where=path, hint="choose another name"
            )
        taken[place] = "written"


def files_of(data: Path) -> tuple[Path, ...]:
    """The files that a dataset spec names; raises InputError for a spec that cannot be used."""
    from attnaudit.data.spec import SPEC_SUFFIXES, load_spec

    if data.suffix.lower() not in SPEC_SUFFIXES:
        return ()
    spec = load_spec(data)
    return (spec.file,) if spec.file else tuple(map(spec.path, spec.splits()))


def read_demands(policy: Path | None, baseline: Path | None) -> Demands | None:
    """What the report will be held against, as of today; None where nothing was asked for.

    Raises InputError before any work starts.
    """
    if policy is None and baseline is None:
        return None
    import datetime

    from attnaudit.report.demands import Demands
    from attnaudit.report.policy import load_policy

    rules = None if policy is None else load_policy(policy)
    older = None
    if baseline is not None:
        from attnaudit.report.rebuild import read_baseline

        older = read_baseline(baseline)
    return Demands(datetime.date.today(), rules, older)


def check_shown(count: int, audit: str) -> None:
    """Raise InputError for heatmaps of an audit whose records hold no attention."""
    if not count:
        return
    from attnaudit.questions import all_questions

    asked = [question for question in all_questions() if question.command == audit]
    if not any(question.attention for question in asked):
        raise InputError(f"--show: records of {audit} hold no attention", hint="correlate shows it")


def read_gallery(records: Sequence[Path], count: int) -> Gallery | None:
    """Heatmaps of recorded words, if any are wanted; raises InputError where there are none."""
    if not count:
        return None
    from attnaudit.report.heatmaps import choose_recorded

    gallery = choose_recorded(records, count) if records else None
    if gallery is None or not gallery.heatmaps:
        raise InputError(
            "--show needs records that hold both attention and words",
            where=next(iter(records), None),
            hint="run correlate, erase or adversary with --text and --records",
        )
    return gallery


def finish(
    report: Report,
    *,
    as_json: bool,
    output: Path | None,
    strict: bool,
    quiet: bool,
    verbose: bool = False,
    gallery: Gallery | None = None,
) -> None:
    """Write and show the report, then exit with 0 or 1 as its gates say."""
    form = Format.json if as_json or output is not None else None
    finish_as(
        report,
        (),
        form,
        as_json,
        output,
        strict=strict,
        quiet=quiet,
        verbose=verbose,
        gallery=gallery,
    )


def finish_as(
    report: Report,
    records: Sequence[Path],
    form: Format | None,
    as_json: bool,
    output: Path | None,
    *,
    strict: bool,
    quiet: bool,
    verbose: bool,
    gallery: Gallery | None = None,
) -> None:
    """Like `finish`, in the format `form` where one is asked for; `records` are for HTML's figures.

    A file gets that format, and stdout the text for those who watch, unless it is to be `quiet`;
    without a file the format goes to stdout. The heatmaps of a `gallery` follow the text; HTML
    shows as many.
    """
    from attnaudit.execution.files import write_text
    from attnaudit.report.gates import exit_code

    def written(form: Format, stream: TextIO) -> str:
        return _written(report, records, form, stream, strict, verbose, gallery)

    shown = form or (None if quiet else Format.text)
    if str(output) == "-":
        shown = form or Format.json
    elif output is not None:
        write_text(output, written(form or _by_ending(output), io.StringIO()))
        if not as_json:
            shown = None if quiet else Format.text
    if shown is Format.github:
        _add_summary(report)
    if shown is not None:
        show(written(shown, sys.stdout))
    raise typer.Exit(exit_code(report.gates, strict))


def _by_ending(path: Path) -> Format:
    """The format that a file's name asks for: JSON, unless it says otherwise."""
    endings = {
        ".txt": Format.text,
        ".md": Format.markdown,
        ".xml": Format.junit,
        ".html": Format.html,
    }
    return endings.get(path.suffix.lower(), Format.json)


def _written(
    report: Report,
    records: Sequence[Path],
    form: Format,
    stream: TextIO,
    strict: bool,
    verbose: bool,
    gallery: Gallery | None,
) -> str:
    """The report in a format; as text, as wide and as colourful as `stream` is."""
    if form is Format.json:
        from attnaudit.report.schema import dumps

        return dumps(report)
    if form is Format.markdown:
        from attnaudit.report.markdown import markdown

        return markdown(report)
    if form is Format.junit:
        from attnaudit.report.junit import junit

        return junit(report, strict)
    if form is Format.github:
        from attnaudit.report.github import workflow_commands

        return workflow_commands(report, strict)
    if form is Format.html:
        return _html(report, records, gallery)
    from attnaudit.report.text import open_console, plain_console, render

    console = open_console(stream, os.environ) if stream is sys.stdout else plain_console(stream)
    with console.capture() as rendered:
        render(report, console, detail=verbose)
        if gallery:
            from attnaudit.report.heatmaps_text import print_heatmaps

            print_heatmaps(gallery, console)
    return rendered.get()


def _html(report: Report, records: Sequence[Path], gallery: Gallery | None) -> str:
    from attnaudit.report.html.page import HEATMAPS, html_page

    return html_page(report, records, len(gallery.heatmaps) if gallery else HEATMAPS)


def html_or_hint(report: Report, records: Sequence[Path], path: Path) -> str:
    """Write the HTML page to `path` if the extra is there; what became of it, in words."""
    from attnaudit.execution.files import write_text

    try:
        write_text(path, _html(report, records, None))
    except InputError as error:
        return f"no {path}: {error}"
    return f"Wrote {path}"


def _add_summary(report: Report) -> None:
    """Append the report to the summary of the GitHub step that this runs in, if it does."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    from attnaudit.execution.files import output_errors
    from attnaudit.report.markdown import markdown

    with output_errors(Path(name)), Path(name).open("a", encoding="utf-8") as summary:
        summary.write(markdown(report))
