"""How a subcommand ends: the report in the form asked for, and the exit code of its gates."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from attnaudit.errors import OutputError

if TYPE_CHECKING:
    from attnaudit.report.policy import Policy
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


def read_policy(path: Path | None) -> Policy | None:
    """The policy in `path`, if one was named; raises InputError before any work starts."""
    if path is None:
        return None
    from attnaudit.report.policy import load_policy

    return load_policy(path)


def finish(
    report: Report,
    *,
    as_json: bool,
    output: Path | None,
    strict: bool,
    quiet: bool,
    verbose: bool = False,
) -> None:
    """Write and show the report, then exit with 0 or 1 as its gates say."""
    from attnaudit.execution.files import write_text
    from attnaudit.report.policy import exit_code
    from attnaudit.report.schema import dumps

    to_stdout = as_json or str(output) == "-"
    if output is not None and str(output) != "-":
        write_text(output, dumps(report))
    if to_stdout:
        show(dumps(report))
    elif not quiet:
        from attnaudit.report.text import open_console, render

        console = open_console(sys.stdout, os.environ)
        with console.capture() as rendered:
            render(report, console, detail=verbose)
        show(rendered.get())
    raise typer.Exit(exit_code(report.gates, strict))
