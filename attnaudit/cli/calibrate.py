"""`attnaudit calibrate`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.output import check_outputs, show
from attnaudit.errors import InputError, OutputError, did_you_mean

if TYPE_CHECKING:
    from attnaudit.records.calibration import Calibration
    from attnaudit.report.schema import TableData

WORKERS = 4  # at most, where nobody asks for a number
PARTIAL = ".partial.jsonl"  # behind the name of the output, while the work goes on


def calibrate(
    plants: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="PLANT...", show_default="all", help="Run only these plants."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Run only the most important plants. This takes a few minutes instead of half "
            "an hour.",
        ),
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=10_000_000,
            help="The seed that a plant is grown from, and the first of several. Seeds 120 to 139"
            " judge the rules, and are refused.",
        ),
    ] = 1000,
    seeds: Annotated[
        int,
        typer.Option(
            min=1, max=1000, metavar="N", help="Generate each plant with N different seeds."
        ),
    ] = 1,
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1,
            max=o.MOST,
            metavar="N",
            help=f"How many processes run plants.  [default: one for each core, at most {WORKERS}]",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print only the JSON document on stdout.")
    ] = False,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the JSON document to FILE. `report --calibration FILE` then names it in "
            "a report.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run with the same -o.")
    ] = False,
    quiet: o.QuietOption = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Describe each plant, and show tracebacks of errors."),
    ] = False,
) -> None:
    """Test the rules of the findings on planted models, whose right answer is known.

    A plant is a data set and a model for which we know what the attention does. The command
    generates and trains each plant on this machine, audits it with the default settings, and
    compares the findings with the right ones. A plant holds if all findings are as expected. It
    fails if a finding is the opposite of what is true, or has a status that it must never have.
    Otherwise it is open, for example if a finding is inconclusive that should be decided. With one
    seed this can happen by chance, and --seeds 5 tells more.

    Exit code 1 if a plant does not hold.
    """
    from attnaudit.calibration.plants import PLANTS
    from attnaudit.calibration.running import JUDGING, QUICK, Notes, document, run, tasks_of
    from attnaudit.cli.progress import Display
    from attnaudit.execution.engines import open_engine
    from attnaudit.execution.files import write_text
    from attnaudit.records.calibration import dumps

    if plants and quick:
        raise InputError(
            "--quick chooses the plants itself", hint="leave out --quick, or the names of plants"
        )
    for name in plants or ():
        if name not in PLANTS:
            hint = did_you_mean(name, list(PLANTS))
            raise InputError(f"there is no plant {name!r}", hint=hint)
    grown = range(seed, seed + seeds)
    if set(grown) & set(JUDGING):
        raise InputError(
            f"--seed: the developers test the rules with the seeds {JUDGING[0]} to {JUDGING[-1]}",
            hint="choose another seed, such as 1000",
        )
    check_outputs(output)
    partial = _partial(output, resume)
    names = list(QUICK) if quick else [name for name in PLANTS if not plants or name in plants]
    tasks = tasks_of(names, grown)
    count = min(workers or min(os.cpu_count() or 1, WORKERS), len(tasks))
    notes, display = Notes(partial), Display(quiet)
    with open_engine(count, None, display) as engine:
        found = list(run(tasks, engine, notes, display))
    made = document(found, quick)
    text = dumps(made)
    if output is not None and str(output) != "-":
        write_text(output, text)
        notes.clear()
    if as_json or str(output) == "-":
        show(text, "json")
    elif not quiet:
        _show(made, verbose)
    raise typer.Exit(0 if len(made.plants("holds")) == len(made.verdicts) else 1)


def _partial(output: Path | None, resume: bool) -> Path | None:
    """Where what is done stands while the work goes on; None where nothing is kept.

    Raises InputError or OutputError where it cannot be used.
    """
    from attnaudit.execution.files import check_regular, check_writable

    if output is None or str(output) == "-":
        if resume:
            raise InputError(
                "--resume needs -o FILE: what the interrupted run had finished lies next to "
                "that file"
            )
        return None
    path = output.with_name(output.name + PARTIAL)
    check_regular(path)
    check_writable(path)
    if path.exists() and not resume:
        raise OutputError(
            "contains a calibration that was interrupted",
            where=path,
            hint="continue it with --resume, or remove the file",
        )
    return path


def _show(made: Calibration, verbose: bool) -> None:
    """Print the table, and what it comes to."""
    from attnaudit.calibration.plants import PLANTS
    from attnaudit.report.console import open_console
    from attnaudit.report.listing import listed
    from attnaudit.report.text import render_table

    console = open_console(sys.stdout, os.environ)
    with console.capture() as rendered:
        render_table(_table(made), console)
        if verbose:
            for name in made.verdicts:
                console.print(f"{name}: {PLANTS[name].story}")
            console.print()
        holds, all_ = made.plants("holds"), made.verdicts
        console.print(
            f"{len(holds)} of {len(all_)} plants hold. A plant holds if all findings are as "
            "expected."
        )
        if failing := made.plants("fails"):
            console.print(
                f"FAILS: {listed(failing)}. On this machine a rule finds something that is not "
                "true. Do not rely on its findings.",
                style="bold red",
            )
        if open_ := made.plants("open"):
            console.print(
                f"OPEN: {listed(open_)}. Fewer seeds than required came out as expected. Chance "
                "may have done this: run these plants again with --seeds 5.",
                style="bold yellow",
            )
    show(rendered.get())


def _table(made: Calibration) -> TableData:
    from attnaudit.report.schema import TableData

    several = made.seeds > 1
    rows: list[list[str | int | float | None]] = []
    for row in made.table:
        found = (
            f"{_plain(status)} {count}" if several else _plain(status)
            for status, count in row.found.items()
        )
        share = f"{row.right}/{row.seeds} [{row.share_low:.2f}, {row.share_high:.2f}]"
        cells = [row.plant, row.truth, _plain(row.finding), _plain(row.expected), ", ".join(found)]
        rows.append([*cells, *([share] if several else []), row.verdict])
    columns = ["plant", "truth", "finding", "expected", "found"]
    grown = (
        f"{made.seeds} seeds, beginning with {made.first_seed}"
        if several
        else f"seed {made.first_seed}"
    )
    return TableData(
        title="Rules of the findings on planted models",
        columns=[*columns, *(["right"] if several else []), "verdict"],
        rows=rows,
        notes=[f"Each plant was generated with {grown}."],
    )


def _plain(name: str) -> str:
    return name.replace("_", " ")
