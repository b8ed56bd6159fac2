"""How a subcommand ends: the report in the form asked for, and the exit code of its gates."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from attnaudit.report.policy import Policy
    from attnaudit.report.schema import Report


def check_outputs(*paths: Path | None) -> None:
    """Raise OutputError now for a file that could not be written after long work."""
    from attnaudit.execution.files import check_writable

    for path in paths:
        if path is not None and str(path) != "-":
            check_writable(path)


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
        typer.echo(dumps(report), nl=False)
    elif not quiet:
        from attnaudit.report.text import open_console, render

        render(report, open_console(sys.stdout, os.environ), detail=verbose)
    raise typer.Exit(exit_code(report.gates, strict))
