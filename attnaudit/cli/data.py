"""`attnaudit data`: look at a data set, or make the embedded one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from attnaudit.cli.output import help_alone, show

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
        Path, typer.Argument(metavar="DATA", help="A .jsonl, .csv or .tsv file, or a spec in YAML.")
    ],
) -> None:
    """Count labels and lengths, and say what would be skipped or cut."""
    from attnaudit.data.check import check_dataset, to_tables
    from attnaudit.data.spec import load_spec
    from attnaudit.report.console import open_console
    from attnaudit.report.text import render_table

    console = open_console(sys.stdout, os.environ)
    with console.capture() as rendered:
        for table in to_tables(check_dataset(load_spec(data))):
            render_table(table, console)
    show(rendered.get())


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
