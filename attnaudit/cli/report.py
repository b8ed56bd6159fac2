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
        help="Records (--records) or reports (-o) of one model and data set. With --compare:"
        " one FILE, or the folder of an audit, a column.",
        show_default=False,
    ),
]
_Schema = Annotated[
    bool, typer.Option("--schema", help="Print the JSON Schema of reports and exit.")
]
_Form = Annotated[
    Optional[o.Format],  # noqa: UP045
    typer.Option("--format", help="How the report is written.  [default: text]"),
]
_Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
_Output = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Write to FILE: in --format, or as it ends: {o.ENDINGS}.",
    ),
]
_Compare = Annotated[
    bool,
    typer.Option(
        "--compare", help="Set reports of several models, seeds or data sets side by side."
    ),
]
_Published = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="ROW",
        help="Set a paper's figures beside, such as jw2019:sst or wp2019:sst;"
        " `attnaudit explain published` lists all.",
    ),
]
_Digits = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        min=0,
        max=MOST,
        metavar="N",
        help="Show N digits after the point. By default latex and markdown show as many as the"
        " interval warrants, csv and json all, the others three.",
    ),
]
_Figures = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="DIR",
        help="Write every figure into DIR as .pdf, .svg and .png, and a .tex that shows them.",
    ),
]
_Interactive = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE",
        help="Write a page on which a reader moves the attention of --show texts, and sees the"
        " answer change. It loads the model that the records name.",
    ),
]
_Cite = Annotated[
    bool,
    typer.Option("--cite", help="Print BibTeX of every method used, in place of the report."),
]
_Delta = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        metavar="FINDING=SIZE",
        help=f"Smallest effect of interest of a finding, repeatable; by default {_SIZES}.",
    ),
]
_Show = Annotated[
    int,
    typer.Option(
        "--show",
        min=0,
        metavar="N",
        help="Show heatmaps of N instances as well, from records made with --text.",
    ),
]
_Summary = Annotated[
    bool, typer.Option("--summary", help="Of a page, write the summary of one sheet alone.")
]
_Calibration = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE",
        help="Name the calibration in FILE, which `attnaudit calibrate -o FILE` wrote.",
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
    summary: _Summary = False,
    calibration: _Calibration = None,
    strict: o.StrictOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Weigh the evidence: reports and records of several audits as one report, with findings.

    A report is shown again, records are summarised anew, without model or data. From the records of
    seed-baseline, adversary and probe come the findings: whether attention is necessary, stable,
    hard to manipulate, and works out of context (Wiegreffe & Pinter 2019), each for, against or
    inconclusive by a stated rule. The report then says what they mean for showing the heatmap.

    Gates of a --policy or a --baseline are judged anew; without them, a report keeps the gates it
    came with. The format decides nothing about the exit code. In GitHub Actions, --format github
    marks the gates in the log and adds the report to the summary of the step.

    For a paper: -o tables.tex or tables.csv, --figures DIR, and --cite > methods.bib.
    """
    if schema:
        _show_schema()
        return
    if as_json and form is not None and form.value != JSON.name:
        raise InputError(f"--json and --format {form.value} exclude each other")
    sources = o.required(files or None, "FILE")
    chosen = JSON if as_json else None if form is None else find_format(form.value)
    asked = Asked(
        *(sources, chosen, as_json, output, compare, published, digits, figures, interactive),
        *(cite, policy, baseline, heatmaps, summary, calibration, strict, quiet, verbose),
    )
    asked.check()
    asked.finish(*asked.made(sizes_of(delta or [])))


def _show_schema() -> None:
    import json

    from attnaudit.report.schema import json_schema

    show(json.dumps(json_schema(), indent=2) + "\n", "json")
