"""A report as the terminal shows it.

A table too wide for the terminal has its wordy columns folded, so that a figure and what it is to
be compared with stay in one row. Where that is not enough, it is shown in parts that repeat the
columns which name its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from attnaudit.errors import printable
from attnaudit.measures import summary as measures
from attnaudit.records.metric import Direction
from attnaudit.report.gates import counts, described, waiver_words
from attnaudit.report.layout import Column, all_tables, laid_out
from attnaudit.report.registry import find
from attnaudit.report.schema import Gate, Report, TableData
from attnaudit.report.warnings import warnings
from attnaudit.report.wording import (
    MEANING,
    FindingWords,
    facts,
    findings,
    missing,
    nothing_assessed,
    scopes,
)

_GAP = 2  # columns of the terminal between two columns of a table
_NARROWEST = 16  # of a column of words that is folded

_STATUS_STYLES = {
    "pass": "bold green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "waived": "bold cyan",
}
_LOUD = "bold"  # colour is for the words of verdicts alone
_FINDING_STYLES = {"for": "bold green", "against": "bold red", "inconclusive": "bold yellow"}


def render(report: Report, console: Console, detail: bool = False) -> None:
    """Print the report: what was audited, tables, notes, findings, gates.

    `detail` adds the tables marked so, and which way is better for each family of metrics.
    Names, labels and paths come from files and are shown with control characters escaped.
    """
    _print_heading(report, console)
    for table in all_tables(report):
        if detail or not table.detail:
            render_table(table, console)
    if detail:
        _print_directions(report, console)
    for sentence in missing(report):
        console.print(_text(sentence, _LOUD))
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
    console.print(_text(f"attnaudit {report.audit}", "bold"))
    for warned in warnings(report):
        console.print(_text(f"Warning, {warned.name}: {warned.words}", _LOUD))
    _grid(
        console,
        (
            (_text(f.name, _LOUD if f.loud else "dim"), _text(f.words, _LOUD if f.loud else ""))
            for f in facts(report)
        ),
    )
    console.print()


def render_table(table: measures.Table | TableData, console: Console) -> None:
    """Print one table, cut into parts where it is too wide."""
    console.print(_text(table.title, "bold"))
    for i, part in enumerate(_parts(_folded(laid_out(table), console.width), console.width)):
        if i > 0:
            console.print()
        shown = Table(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0)
        )
        for column in part:
            shown.add_column(
                _text(column.header),
                justify=column.justify,
                width=min(column.wanted, console.width),
                overflow="fold",
            )
        for row in zip(*(column.cells for column in part), strict=True):
            shown.add_row(*map(_text, row))
        console.print(shown)
    for note in table.notes:
        console.print(_text(note, "dim"))
    console.print()


def _folded(columns: list[Column], width: int) -> list[Column]:
    """The columns with those of words made narrower, the widest first, until all fit; or as before.

    No column gets narrower than its longest word, or than _NARROWEST.
    """
    widths = [column.wanted for column in columns]
    least = [max(column.narrowest, min(column.wanted, _NARROWEST)) for column in columns]
    excess = sum(widths) + _GAP * (len(columns) - 1) - width
    if excess <= 0 or sum(widths) - sum(least) < excess:
        return columns
    for _ in range(excess):
        at = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        widths[at] -= 1
    return [replace(column, wanted=w) for column, w in zip(columns, widths, strict=True)]


def _parts(columns: list[Column], width: int) -> list[list[Column]]:
    """The columns in groups that fit into `width`, each group led by what names the rows."""
    names, parts = _names(columns, width), [columns[:1]]
    for column in columns[1:]:
        used = sum(c.wanted + _GAP for c in parts[-1])
        if used + column.wanted > width and parts[-1] != names:
            parts.append([*names])
        if not any(column is known for known in parts[-1]):
            parts[-1].append(column)
    return [part for part in parts if part]


def _names(columns: list[Column], width: int) -> list[Column]:
    """The first column; where its cells repeat, the second too, or alone if both take too much."""
    first, second = columns[:1], columns[1:2]
    if not second or second[0].justify == "right" or _distinct(first[0]) == len(first[0].cells):
        return first
    widest = max((c.wanted for c in columns[2:]), default=0)
    if first[0].wanted + second[0].wanted + widest + 2 * _GAP <= width:
        return first + second
    return max(first, second, key=lambda one: _distinct(one[0]))


def _distinct(column: Column) -> int:
    return len(set(column.cells))


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
    assessed = findings(report)
    if not assessed:
        console.print(_text(nothing_assessed(report), "dim"))
        _print_meaning(report, console)
        return
    console.print()
    console.print(_text("Findings", "bold"))
    for found in assessed:
        console.print(_finding(found))
        _grid(console, ((Text(""), line) for line in _finding_lines(found)))
    for scope in scopes(report):
        console.print(_text(f"The findings are about {scope}.", "dim"))
    _print_meaning(report, console)


def _finding(words: FindingWords) -> Text:
    """The first line of a finding, such as `necessary: FOR. Speaks for attention`."""
    status = _text(words.status.upper(), _FINDING_STYLES.get(words.status, ""))
    return _text(f"{words.name}: ", "bold").append(status).append(_text(f". {words.answer}."))


def _finding_lines(words: FindingWords) -> Iterator[Text]:
    yield _text(words.question, "italic")
    yield _text(words.reason)
    if words.figure:
        yield _text(words.figure)
    if words.rule:
        yield _text(f"Rule: {words.rule}", "dim")


def _print_meaning(report: Report, console: Console) -> None:
    if not report.meaning:
        return
    console.print()
    console.print(_text(MEANING, "bold"))
    _grid(console, ((_text("-"), _text(paragraph)) for paragraph in report.meaning))


def _print_gates(gates: Sequence[Gate], console: Console) -> None:
    console.print(_text(f"Gates: {counts(gates)}", "bold"))
    _grid(
        console,
        ((_text(gate.status.upper(), _STATUS_STYLES[gate.status]), _gate(gate)) for gate in gates),
    )


def _gate(gate: Gate) -> Text:
    shown = _text(f"{gate.id}: {described(gate)}")
    if gate.rationale:
        shown.append("\n").append(_text(f"because {gate.rationale}", "dim"))
    words = waiver_words(gate)
    if gate.waiver and words:
        shown.append("\n").append(_text(words, _LOUD if gate.waiver.expired else ""))
    return shown
