"""`attnaudit report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.output import check_outputs, finish, read_policy, show


def report(
    file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(
            metavar="FILE", help="Records (--records) or a report (-o).", show_default=False
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of reports and exit.")
    ] = False,
    as_json: o.JsonOption = False,
    output: o.OutputOption = None,
    policy: o.PolicyOption = None,
    strict: o.StrictOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Show a report again, or make it again from records alone, without model or data.

    Gates of a --policy are judged anew; without one, a report keeps the gates it came with.
    """
    if schema:
        import json

        from attnaudit.report.schema import json_schema

        show(json.dumps(json_schema(), indent=2) + "\n")
        return
    source = o.required(file, "FILE")
    gates = read_policy(policy)
    check_outputs(output, inputs=(source, policy))

    from attnaudit.audits.rebuild import read_report

    finish(
        read_report(source, gates),
        as_json=as_json,
        output=output,
        strict=strict,
        quiet=quiet,
        verbose=verbose,
    )
