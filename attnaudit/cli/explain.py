"""`attnaudit explain`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from attnaudit.cli.output import show


def explain(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="A metric, importance, reading, question, finding, status, setting, control or"
            " term. Case makes no difference, and - is the same as _.  [default: list all names]",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the explanation as JSON: {entries: [...]}.")
    ] = False,
) -> None:
    """Say what a name means: a metric, a setting, a finding, a term of the field.

    It says in one sentence what the thing is. Then it gives the formula, the unit and the range,
    which way is better, what to compare it with, how it can mislead, and the source. You can give a
    metric by its name in a report, such as correlate.gradient.tau.mean. If several things have the
    same name, it shows all of them.
    """
    import dataclasses
    import json
    import os
    import sys

    from attnaudit.explanations.collect import all_entries, find

    entries = all_entries() if name is None else find(name)
    if as_json:
        found = {"entries": [dataclasses.asdict(entry) for entry in entries]}
        show(f"{json.dumps(found, indent=2, ensure_ascii=False)}\n", "json")
        return

    from attnaudit.explanations.text import print_entries, print_list
    from attnaudit.report.console import open_console

    console = open_console(sys.stdout, os.environ)
    with console.capture() as rendered:
        (print_list if name is None else print_entries)(entries, console)
    lines = rendered.get().splitlines()
    show("".join(f"{line.rstrip()}\n" for line in lines))
