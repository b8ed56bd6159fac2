"""A report as the terminal shows it.

Three neighbouring columns `NAME`, `low`, `high` are shown as one: `value [low, high]`. A table too
wide for the terminal is shown in parts that repeat its first column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from attnaudit.errors import printable
from attnaudit.measures import summary as measures
from attnaudit.measures.summary import Cell
from attnaudit.report.metrics.spec import Direction
from attnaudit.report.registry import find
from attnaudit.report.schema import Gate, Metric, Report, TableData

_PLAIN_WIDTH = 100  # of files and pipes, which have no width of their own
_GAP = 2  # columns of the terminal between two columns of a table
_SHOWN = 3  # names listed before "and N more"

_STATUS_STYLES = {"pass": "bold green", "fail": "bold red", "inconclusive": "bold yellow"}
_LOUD = "bold yellow"


def open_console(stream: TextIO, environ: Mapping[str, str]) -> Console:
    """A console on `stream`, 100 columns wide where it is no terminal and COLUMNS is not set."""
    width = None if stream.isatty() or environ.get("COLUMNS") else _PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False)


def render(report: Report, console: Console, detail: bool = False) -> None:
    """Print the report: what was audited, tables, notes, findings, gates.

    `detail` adds the tables marked so, and which way is better for each family of metrics.
    Names, labels and paths come from files and are shown with control characters escaped.
    """
    _print_heading(report, console)
    for table in report.tables.values() or [_metrics_table(report)]:
        if detail or not table.detail:
            render_table(table, console)
    if detail:
        _print_directions(report, console)
    _print_missing(report, console)
    for note in report.notes:
        console.print(_text(f"Note: {note}"))
    _print_findings(report, console)
    if report.gates:
        console.print()
        _print_gates(report.gates, console)


def _text(content: object, style: str = "") -> Text:
    # Text, unlike a plain string, is never read as markup.
    return Text(printable(content), style=style)


def _grid(console: Console, rows: Iterable[tuple[Text, Text]]) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*row)
    console.print(grid)


def _print_heading(report: Report, console: Console) -> None:
    data = report.dataset
    console.print(_text(f"attnaudit {report.audit}", "bold"))
    rows = [
        ("model", report.model.name, ""),
        ("data", f"{data.name}, split {data.split}", ""),
        ("instances", f"{data.instances:,}", ""),
    ]
    if data.partial:
        rows.append(("partial", "a limit kept the other rows from being audited", _LOUD))
    skipped = sum(data.skipped.values())
    if skipped:
        reasons = [f"{n:,} {why.replace('_', ' ')}" for why, n in data.skipped.items() if n]
        rows.append(("skipped", f"{_count(skipped, 'row')}: {', '.join(reasons)}", _LOUD))
    if data.truncated:
        cut = f"{_count(data.truncated, 'instance')} cut at the length limit"
        rows.append(("truncated", cut, _LOUD))
    scores = [f"{name} {m.value:.3f}" for name, m in _model_scores(report) if m.value is not None]
    if scores:
        rows.append(("scores", ", ".join(scores), ""))
    _grid(console, ((_text(name, style or "dim"), _text(v, style)) for name, v, style in rows))
    console.print()


def _model_scores(report: Report) -> Iterator[tuple[str, Metric]]:
    for name, metric in report.metrics.items():
        stem, _, score = name.partition(".")
        if stem == "model":
            yield score.replace("_", " "), metric


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _metrics_table(report: Report) -> TableData:
    return TableData(
        title="Metrics",
        columns=["metric", "value", "low", "high", "n"],
        rows=[[name, m.value, m.ci_low, m.ci_high, m.n] for name, m in report.metrics.items()],
        notes=[],
    )


@dataclass(frozen=True)
class _Column:
    header: str
    cells: list[str]
    justify: Literal["left", "right"]

    @property
    def width(self) -> int:
        """The least width that breaks no cell, and no word of the header."""
        return max(map(cell_len, [*self.header.split(), *self.cells]), default=0)


def _columns(table: measures.Table | TableData) -> list[_Column]:
    names = [printable(name) for name in table.columns]
    cells = [[row[i] for row in table.rows] for i in range(len(names))]
    columns, i = [], 0
    while i < len(names):
        numeric = all(cell == "" or not isinstance(cell, str) for cell in cells[i])
        shown = [_cell(cell, numeric) for cell in cells[i]]
        if names[i + 1 : i + 3] == ["low", "high"]:
            # The cells are equally wide, so that left keeps values without an interval in line.
            shown = _with_intervals(shown, *cells[i + 1 : i + 3])
            columns.append(_Column(f"{names[i]} [low, high]", shown, "left"))
            i += 3
        else:
            columns.append(_Column(names[i], shown, "right" if numeric else "left"))
            i += 1
    return columns


def _with_intervals(
    values: Sequence[str], lows: Sequence[Cell], highs: Sequence[Cell]
) -> list[str]:
    parts = [values, *([_cell(cell, True) for cell in cells] for cells in (lows, highs))]
    widths = [max(map(len, part), default=0) for part in parts]
    lines = []
    for i, bounds in enumerate(zip(lows, highs, strict=True)):
        value, low, high = (part[i].rjust(w) for part, w in zip(parts, widths, strict=True))
        lines.append(value if bounds == (None, None) else f"{value} [{low}, {high}]")
    return lines


def _cell(cell: Cell, numeric: bool) -> str:
    if cell is None:
        return "n/a" if numeric else ""
    if isinstance(cell, float):
        return _number(cell)
    return f"{cell:,}" if isinstance(cell, int) else printable(cell)


def _number(value: float) -> str:
    if 0 < abs(value) < 0.0005:
        return f"{value:.1e}"
    return f"{value + 0.0:.3f}"  # + 0.0 takes the sign off a negative zero


def render_table(table: measures.Table | TableData, console: Console) -> None:
    """Print one table, cut into parts where it is too wide."""
    console.print(_text(table.title, "bold"))
    for i, part in enumerate(_parts(_columns(table), console.width)):
        if i > 0:
            console.print()
        shown = Table(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0)
        )
        for column in part:
            shown.add_column(
                _text(column.header),
                justify=column.justify,
                width=min(column.width, console.width),
                overflow="fold",
            )
        for row in zip(*(column.cells for column in part), strict=True):
            shown.add_row(*map(_text, row))
        console.print(shown)
    for note in table.notes:
        console.print(_text(note, "dim"))
    console.print()


def _parts(columns: list[_Column], width: int) -> list[list[_Column]]:
    """The columns in groups that fit into `width`, each group led by the first column."""
    if not columns:
        return []
    first, parts = columns[0], [[columns[0]]]
    for column in columns[1:]:
        used = sum(c.width + _GAP for c in parts[-1])
        if used + column.width > width and parts[-1] != [first]:
            parts.append([first])
        parts[-1].append(column)
    return parts


def _print_directions(report: Report, console: Console) -> None:
    """Which way is better, by family of metrics."""
    up, down = ("^", "v") if console.options.ascii_only else ("↑", "↓")
    ways: list[tuple[str, str, Direction]] = [
        (up, "higher is better", "higher"),
        (down, "lower is better", "lower"),
    ]
    for arrow, words, direction in ways:
        names = [name for name, m in report.metrics.items() if m.direction == direction]
        if names:
            console.print(_text(f"{arrow} {words}: {_families(names)}", "dim"))


def _print_missing(report: Report, console: Console) -> None:
    """Which figures have no value, and why."""
    missing: dict[str, list[str]] = {}
    for name, m in report.metrics.items():
        if m.value is None:
            missing.setdefault(m.reason or "no reason given", []).append(name)
    for reason, names in missing.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        console.print(_text(f"No value for {', '.join(names[:_SHOWN])}{more}: {reason}", _LOUD))


def _families(names: Iterable[str]) -> str:
    """The registered patterns of the metrics; what repeats the stem of the last one is cut."""
    specs = ((name, find(name)) for name in names)
    shown, last = [], ""
    for pattern in dict.fromkeys(spec.pattern if spec else name for name, spec in specs):
        end = pattern.find("}.") + 1 or pattern.find(".")
        stem = pattern[:end]
        shown.append(pattern[end:] if stem == last else pattern)
        last = stem
    return ", ".join(shown)


def _print_findings(report: Report, console: Console) -> None:
    if all(f.status == "not_assessed" for f in report.findings.values()):
        names = ", ".join(name.replace("_", " ") for name in report.findings)
        console.print(_text(f"Findings ({names}): not assessed by {report.audit} alone.", "dim"))
        return
    console.print(_text("Findings", "bold"))
    _grid(
        console,
        (
            (
                _text(name.replace("_", " ")),
                _text(f"{finding.status.replace('_', ' ')}: {finding.reason}"),
            )
            for name, finding in report.findings.items()
        ),
    )


def _print_gates(gates: Sequence[Gate], console: Console) -> None:
    counts = [
        f"{sum(gate.status == status for gate in gates)} {word}"
        for status, word in (
            ("pass", "passed"),
            ("fail", "failed"),
            ("inconclusive", "inconclusive"),
        )
    ]
    console.print(_text(f"Gates: {', '.join(counts)}", "bold"))
    _grid(
        console,
        ((_text(gate.status.upper(), _STATUS_STYLES[gate.status]), _gate(gate)) for gate in gates),
    )


def _gate(gate: Gate) -> Text:
    end = "" if gate.on == "value" else f" {gate.on}"
    found = "" if gate.value is None else f" {gate.value:.6g}"
    shown = _text(f"{gate.id}: {gate.metric}{end}{found}, {gate.reason}")
    if gate.rationale:
        shown.append("\n").append(_text(f"because {gate.rationale}", "dim"))
    return shown
