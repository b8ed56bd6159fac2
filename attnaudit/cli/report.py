"""`attnaudit report`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from attnaudit.cli import options as o
from attnaudit.cli.moving import TEXTS, write_interactive
from attnaudit.cli.output import (
    check_format,
    check_gallery,
    check_outputs,
    check_page,
    finish,
    heatmaps_in,
    read_demands,
    show,
)
from attnaudit.cli.paper import (
    beside_published,
    bibliography,
    check_citations,
    check_comparison,
    check_figures_folder,
    side_by_side,
    write_all_figures,
)
from attnaudit.errors import InputError, did_you_mean
from attnaudit.findings.desiderata import FINDINGS
from attnaudit.report.calibration import read_facts, with_calibration
from attnaudit.report.digits import MOST
from attnaudit.report.formats import find_format
from attnaudit.report.published import find_published

JSON = find_format("json")
_SIZES = ", ".join(f"{one.name} ({one.delta:g})" for one in FINDINGS)


def report(
    files: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Argument(
            metavar="FILE...",
            help="Records (from --records) or reports (from -o) of one model and data set. With "
            "--compare: each FILE, or folder of an audit, is one column.",
            show_default=False,
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of reports, and exit.")
    ] = False,
    form: Annotated[
        Optional[o.Format],  # noqa: UP045
        typer.Option("--format", help="The format of the report.  [default: text]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the report to FILE. --format, or the ending of the name, decides the "
            f"format: {o.ENDINGS}.",
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Show reports of several models, seeds or data sets side by side.",
        ),
    ] = False,
    published: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="ROW",
            help="Show the figures that a paper printed next to yours, such as jw2019:sst or "
            "wp2019:sst. `attnaudit explain published` lists all.",
        ),
    ] = None,
    digits: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=0,
            max=MOST,
            metavar="N",
            help="Show N digits after the point. By default latex and markdown show as many as "
            "the interval justifies, csv and json show all, and the other formats show "
            "three.",
        ),
    ] = None,
    figures: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="DIR",
            help="Write every figure into DIR as .pdf, .svg and .png, with a .tex file that "
            "includes them.",
        ),
    ] = None,
    interactive: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="FILE",
            help="Write a page on which a reader can move the attention of the --show texts and "
            "see the answer change. This loads the model that the records name.",
        ),
    ] = None,
    cite: Annotated[
        bool,
        typer.Option(
            "--cite",
            help="Print BibTeX entries of all methods used, instead of the report.",
        ),
    ] = False,
    policy: o.PolicyOption = None,
    baseline: o.BaselineOption = None,
    delta: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="FINDING=SIZE",
            help="The smallest effect that matters for a finding. Repeatable. By default "
            f"{_SIZES}.",
        ),
    ] = None,
    heatmaps: Annotated[
        int,
        typer.Option(
            "--show",
            min=0,
            metavar="N",
            help="Also show heatmaps of N texts. This needs records made with --text.",
        ),
    ] = 0,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="With html: write only the summary, which fits on one sheet."
        ),
    ] = False,
    calibration: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="FILE",
            help="Say in the report how the calibration in FILE came out. `attnaudit calibrate "
            "-o FILE` writes that file.",
        ),
    ] = None,
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
        import json

        from attnaudit.report.schema import json_schema

        show(json.dumps(json_schema(), indent=2) + "\n", "json")
        return
    if as_json and form is not None and form.value != JSON.name:
        raise InputError(f"--json and --format {form.value} cannot be used together")
    sources = o.required(files or None, "FILE")
    check_outputs(output, interactive, inputs=(*sources, policy, baseline, calibration))
    chosen = JSON if as_json else None if form is None else find_format(form.value)
    check_format(chosen, output)
    if summary:
        check_page(chosen, output)
    if compare:
        check_comparison(
            chosen, output, (policy, baseline, heatmaps, calibration, summary, interactive)
        )
    if cite:
        to_stdout = output is None or str(output) == "-"
        check_citations(quiet, as_json or (to_stdout and (output or chosen) is not None))
    check_figures_folder(figures)
    if published is not None:
        find_published(published)
    demands = read_demands(policy, baseline)
    known = None if calibration is None else read_facts(calibration)

    sizes = _deltas(delta or [])

    from attnaudit.findings.rules import Deltas
    from attnaudit.questions import all_questions
    from attnaudit.report.combine import combine
    from attnaudit.report.compared import Side

    try:
        deltas = Deltas(**sizes)
    except ValueError:
        raise InputError("--delta takes sizes from 0 to 1; for a JSD, from 0 to 0.6931") from None
    shown = heatmaps or max(heatmaps_in(chosen, output), TEXTS if interactive else 0)
    command_line = ("attnaudit", *sys.argv[1:])
    if compare:
        made, sides = side_by_side(sources, deltas, command_line)
    else:
        made = combine(sources, demands, deltas, command_line, shown)
        sides = [Side("this report", sources[0], made)]
    parts = [part for side in sides for part in side.made.parts]
    if sizes and all(part.summary is None or part.summary.runs is None for part in parts):
        feeding = [question.name for question in all_questions() if question.retrains]
        raise InputError(
            "--delta: no finding is assessed here",
            hint=f"findings need the records of {', '.join(feeding)}",
        )
    if heatmaps:
        check_gallery(made, sources)
    if known is not None:
        made = replace(made, report=with_calibration(made.report, known))
    if published is not None:
        made = beside_published(made, published, sides)
    if figures is not None:
        write_all_figures(sides, figures)
    if interactive is not None:
        write_interactive(made, sources, interactive, quiet)
    finish(
        made,
        chosen,
        output,
        as_json=as_json,
        asked=heatmaps > 0,
        strict=strict,
        quiet=quiet,
        verbose=verbose,
        summary=summary,
        digits=digits,
        instead=bibliography(sides) if cite else None,
    )


def _deltas(given: list[str]) -> dict[str, float]:
    """The sizes by finding; raises InputError for what is no FINDING=SIZE."""
    sizes: dict[str, float] = {}
    known = [one.name for one in FINDINGS]
    for pair in given:
        name, _, size = pair.partition("=")
        try:
            number = float(size)
        except ValueError:
            raise InputError(f"--delta {pair!r} is not FINDING=SIZE") from None
        if name not in known:
            raise InputError(f"--delta: no finding {name!r}", hint=did_you_mean(name, known))
        if name in sizes:
            raise InputError(f"--delta {pair}: {name} is given twice")
        sizes[name] = number
    return sizes
