"""`attnaudit data`: look at a data set, or make the embedded one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from attnaudit.cli.output import check_outputs, help_alone, show

data_app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help="Look at data sets."
)


@data_app.callback()
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        help_alone(context)


@data_app.command()
def check(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A file of rows (.jsonl, .csv, .tsv, .xlsx, .parquet), a spec in YAML, or a"
            " Hugging Face data set.",
        ),
    ],
    write: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="Write the spec to FILE, which must not exist yet."),
    ] = None,
) -> None:
    """Count labels and lengths, and say what would be skipped or cut.

    Below stands the data set's spec as it was understood, in YAML: a file to keep, and to change
    where it was not what you meant.
    """
    from attnaudit.cli.progress import Display
    from attnaudit.data.check import check_dataset, remarks, spec_read, to_tables
    from attnaudit.data.spec import load_spec
    from attnaudit.execution.files import write_text
    from attnaudit.report.console import open_console
    from attnaudit.report.text import render_table

    if write is not None:
        _check_new(write)
    spec = load_spec(data)
    reports = check_dataset(spec)
    console = open_console(sys.stdout, os.environ)
    with console.capture() as rendered:
        for table in to_tables(reports, remarks(spec, reports)):
            render_table(table, console)
    show(rendered.get())
    show("\nThe spec by which this was read; --write FILE keeps it\n\n")
    show(spec_read(spec, reports, Path.cwd()))
    if write is not None:
        write_text(write, spec_read(spec, reports, write.parent))
        Display(quiet=False).say(f"Wrote {write}")


def _check_new(path: Path) -> None:
    """Raise InputError or OutputError for a place where no new spec can be written."""
    from attnaudit.data.spec import SPEC_SUFFIXES
    from attnaudit.errors import InputError, OutputError

    if path.suffix.lower() not in SPEC_SUFFIXES:
        raise InputError(f"--write: {str(path)!r} is no .yaml file, and a spec is one")
    if path.exists() or path.is_symlink():
        raise OutputError("already exists", where=path, hint="name another file")
    check_outputs(path)


@data_app.command()
def generate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder for the files.")],
    train: Annotated[int, typer.Option(min=2, help="Training texts.")] = 2000,
    dev: Annotated[int, typer.Option(min=2, help="Development texts.")] = 300,
    test: Annotated[int, typer.Option(min=2, help="Test texts.")] = 500,
    seed: Annotated[
        int, typer.Option(min=0, help="The random seed. Another seed gives other texts.")
    ] = 0,
) -> None:
    """Write the built-in corpus: reviews for which we know the words that decide the label."""
    from attnaudit.data.synthetic import write_reviews
    from attnaudit.errors import OutputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be made ({error.strerror})", where=folder) from None
    show(f"{write_reviews(folder, train=train, dev=dev, test=test, seed=seed)}\n")
