"""What `attnaudit report` was asked for: checked first, then made and written."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from attnaudit.cli.moving import TEXTS, write_interactive
from attnaudit.cli.output import (
    check_format,
    check_gallery,
    check_outputs,
    check_page,
    finish,
    heatmaps_in,
    read_demands,
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
from attnaudit.execution.collector import COLLECTOR
from attnaudit.findings.desiderata import FINDINGS
from attnaudit.report.calibration import read_facts, with_calibration
from attnaudit.report.formats.format import Format
from attnaudit.report.published import find_published

if TYPE_CHECKING:
    from attnaudit.findings.rules import Deltas
    from attnaudit.report.combine import Combined
    from attnaudit.report.compared import Side


@dataclass(frozen=True)
class Asked:
    """What the command line asks for. `form` is the format that it names, if it names one."""

    sources: list[Path]
    form: Format | None
    as_json: bool
    output: Path | None
    compare: bool
    published: str | None
    digits: int | None
    figures: Path | None
    interactive: Path | None
    cite: bool
    policy: Path | None
    baseline: Path | None
    heatmaps: int
    ids: tuple[str, ...]
    summary: bool
    calibration: Path | None
    strict: bool
    quiet: bool
    verbose: bool

    def check(self) -> None:
        """Raise InputError or OutputError for what does not go together, before any work."""
        form, output = self.form, self.output
        read = (*self.sources, self.policy, self.baseline, self.calibration)
        check_outputs(output, self.interactive, inputs=read)
        check_format(form, output)
        if self.summary:
            check_page(form, output)
        if self.compare:
            other = (
                *(self.policy, self.baseline, self.heatmaps or self.ids),
                *(self.calibration, self.summary),
            )
            check_comparison(form, output, (*other, self.interactive))
        if self.ids and self.heatmaps:
            raise InputError(
                "--show and --show-id both say which texts are shown", hint="leave one of them out"
            )
        if self.cite:
            to_stdout = output is None or str(output) == "-"
            taken = self.as_json or (to_stdout and (output or form) is not None)
            check_citations(self.quiet, taken)
        check_figures_folder(self.figures)
        if self.published is not None:
            find_published(self.published)

    def made(self, sizes: dict[str, float]) -> tuple[Combined, list[Side]]:
        """The report and the reports that it compares; `sizes` are those of the findings."""
        demands = read_demands(self.policy, self.baseline)
        known = None if self.calibration is None else read_facts(self.calibration)

        from attnaudit.report.combine import combine
        from attnaudit.report.compared import Side

        COLLECTOR.begin()
        deltas, command_line = _checked(sizes), ("attnaudit", *sys.argv[1:])
        if self.compare:
            made, sides = side_by_side(self.sources, deltas, command_line)
        else:
            texts = TEXTS if self.interactive else 0
            shown = self.heatmaps or max(heatmaps_in(self.form, self.output), texts)
            made = combine(self.sources, demands, deltas, command_line, shown, ids=self.ids)
            sides = [Side("this report", self.sources[0], made)]
        if sizes:
            _check_assessed(sides)
        if self.heatmaps or self.ids:
            check_gallery(made, self.sources)
        if known is not None:
            made = replace(made, report=with_calibration(made.report, known))
        if self.published is not None:
            made = beside_published(made, self.published, sides)
        return made, sides

    def finish(self, made: Combined, sides: list[Side]) -> NoReturn:
        """Write what is beside the report, then the report."""
        if self.figures is not None:
            write_all_figures(sides, self.figures)
        if self.interactive is not None:
            write_interactive(made, self.sources, self.interactive, self.quiet)
        finish(
            made,
            self.form,
            self.output,
            as_json=self.as_json,
            asked=self.heatmaps > 0 or bool(self.ids),
            strict=self.strict,
            quiet=self.quiet,
            verbose=self.verbose,
            summary=self.summary,
            digits=self.digits,
            instead=bibliography(sides) if self.cite else None,
        )


def _checked(sizes: dict[str, float]) -> Deltas:
    """The sizes as the rules take them; raises InputError for one out of its range."""
    from attnaudit.findings.rules import Deltas

    try:
        return Deltas(**sizes)
    except ValueError:
        raise InputError("--delta takes sizes from 0 to 1; for a JSD, from 0 to 0.6931") from None


def _check_assessed(sides: list[Side]) -> None:
    """Raise InputError for sizes of findings where no records are that findings come from."""
    from attnaudit.questions import all_questions

    parts = [part for side in sides for part in side.made.parts]
    if all(part.summary is None or part.summary.runs is None for part in parts):
        feeding = [question.name for question in all_questions() if question.decides]
        raise InputError(
            "--delta: no finding is assessed here",
            hint=f"findings need the records of {', '.join(feeding)}",
        )


def sizes_of(given: list[str]) -> dict[str, float]:
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
