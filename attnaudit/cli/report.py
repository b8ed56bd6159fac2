"""`attnaudit report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.output import show
from attnaudit.cli.reporting import Asked, sizes_of
from attnaudit.errors import InputError
from attnaudit.findings.desiderata import FINDINGS
from attnaudit.report.digits import MOST
from attnaudit.report.formats import find_format

JSON = find_format("json")
_SIZES = ", ".join(f"{one.name} ({one.delta:g})" for one in FINDINGS)


# typer reads these annotations at run time, and `Path | None` needs Python 3.10 in them too.
_Files = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Argument(
        metavar="FILE...",
        help="Records (from --records) or reports (from -o) of one model and data set. With "
        "--compare: each FILE, or folder of an audit, is one column.",
        show_default=False,
    ),
]
_Schema = Annotated[
    bool, typer.Option("--schema", help="Print the JSON Schema of reports, and exit.")
]
_Form = Annotated[
    Optional[o.Format],  # noqa: UP045
    typer.Option("--format", help="The format of the report.  [default: text]"),
]
_Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
_Output = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the report to FILE. --format, or the ending of the name, decides the "
        f"format: {o.ENDINGS}.",
    ),
]
_Compare = Annotated[
    bool,
    typer.Option(
        "--compare", help="Show reports of several models, seeds or data sets side by side."
    ),
]
_Published = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="ROW",
        help="Show the figures that a paper printed next to yours, such as jw2019:sst or "
        "wp2019:sst. `attnaudit explain published` lists all.",
    ),
]
_Digits = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        min=0,
        max=MOST,
        metavar="N",
        help="Show N digits after the point. By default latex and markdown show as many as "
        "the interval justifies, csv and json show all, and the other formats show "
        "three.",
    ),
]
_Figures = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="DIR",
        help="Write every figure into DIR as .pdf, .svg and .png, with a .tex file that "
        "includes them.",
    ),
]
_Interactive = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE",
        help="Write a page on which a reader can move the attention of the --show texts and "
        "see the answer change. This loads the model that the records name.",
    ),
]
_Cite = Annotated[
    bool,
    typer.Option("--cite", help="Print BibTeX entries of all methods used, instead of the report."),
]
_Delta = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        metavar="FINDING=SIZE",
        help=f"The smallest effect that matters for a finding. Repeatable. By default {_SIZES}.",
    ),
]
_Show = Annotated[
    int,
    typer.Option(
        "--show",
        min=0,
        metavar="N",
        help="Also show heatmaps of N texts. This needs records made with --text.",
    ),
]
_ShowId = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--show-id",
        metavar="ID",
        help="Show the text with this id: all readings of its attention and all importances in "
        "the records, below each other, with a table of their scores on this text. FILE may hold "
        "records of one test by several readings. This needs records made with --text. Repeatable.",
    ),
]
_Summary = Annotated[
    bool,
    typer.Option("--summary", help="With html: write only the summary, which fits on one sheet."),
]
_Calibration = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE",
        help="Say in the report how the calibration in FILE came out. `attnaudit calibrate "
        "-o FILE` writes that file.",
    ),
]


def report(
    files: _Files = None,
    schema: _Schema = False,
    form: _Form = None,
    as_json: _Json = False,
    output: _Output = None,
    compare: _Compare = False,
    published: _Published = None,
    digits: _Digits = None,
    figures: _Figures = None,
    interactive: _Interactive = None,
    cite: _Cite = False,
    policy: o.PolicyOption = None,
    baseline: o.BaselineOption = None,
    delta: _Delta = None,
    heatmaps: _Show = 0,
    show_id: _ShowId = None,
    summary: _Summary = False,
    calibration: _Calibration = None,
    strict: o.StrictOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Weigh the evidence: join the reports and records of several tests into one report.

    This needs neither the model nor the data: a report is shown again, and all figures are computed
    again from records. The records of seed-baseline, adversary and probe give four findings
    (Wiegreffe & Pinter 2019): is attention necessary, stable and hard to manipulate, and does it
    work out of context? Each finding is for, against or inconclusive, by a rule that the report
    prints. The report then says what the findings mean for showing the heatmap.

    With --policy or --baseline the gates are judged again. Without them, a report keeps its gates.
    The format never changes the exit code. In GitHub Actions, --format github marks the gates in
    the log and adds the report to the summary of the step.

    For a paper: -o tables.tex or tables.csv, --figures DIR, and --cite > methods.bib.
    """
    if schema:
        _show_schema()
        return
    if as_json and form is not None and form.value != JSON.name:
        raise InputError(f"--json and --format {form.value} cannot be used together")
    sources = o.required(files or None, "FILE")
    chosen = JSON if as_json else None if form is None else find_format(form.value)
    ids = tuple(dict.fromkeys(show_id or ()))
    asked = Asked(
        *(sources, chosen, as_json, output, compare, published, digits, figures, interactive),
        *(cite, policy, baseline, heatmaps, ids, summary, calibration),
        *(strict, quiet, verbose),
    )
    asked.check()
    asked.finish(*asked.made(sizes_of(delta or [])))


def _show_schema() -> None:
    import json

    from attnaudit.report.schema import json_schema

    show(json.dumps(json_schema(), indent=2) + "\n", "json")
