"""Entries as the terminal shows them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from attnaudit.errors import printable
from attnaudit.explanations.entry import KINDS, Entry

_INDENT = 2


def print_entries(entries: Sequence[Entry], console: Console) -> None:
    """Each entry in full: its name and kind, what it is, and a line for everything else."""
    for i, entry in enumerate(entries):
        if i > 0:
            console.print()
        console.print(
            Text.assemble((printable(entry.name), "bold"), (f"  {_kind(entry)}", "dim")),
            overflow="fold",
        )
        console.print(Padding(Text(entry.what), (0, 0, 0, _INDENT)))
        facts = Table.grid(padding=(0, 2))
        facts.add_column(no_wrap=True, style="dim")
        facts.add_column(overflow="fold")
        for title, words in _facts(entry):
            facts.add_row(Text(title), Text(words))
        if facts.row_count:
            console.print(Padding(facts, (0, 0, 0, _INDENT)))


def _kind(entry: Entry) -> str:
    belongs = entry.of and entry.kind != "question"
    return f"{entry.kind} of {entry.of}" if belongs else entry.kind


def _facts(entry: Entry) -> list[tuple[str, str]]:
    command = entry.of if entry.kind == "question" else ""
    owned = {f"{owner.strip()}.{entry.name}" for owner in entry.of.split(",")}
    also = [alias for alias in entry.aliases if alias not in owned and alias not in command]
    facts = {
        "asked by": command,
        "stands for": entry.holds,
        "how": entry.about,
        "formula": entry.formula,
        "unit": entry.unit,
        "range": entry.range,
        "default": entry.default,
        "better": entry.better,
        "a gate needs": f"{entry.least_n} texts" if entry.least_n else "",
        "compare with": ", ".join(entry.beside),
        "beware": entry.traps,
        "needs": entry.needs,
        "costs": entry.cost,
        "from": entry.source,
        "also called": ", ".join(also),
    }
    return [(title, words) for title, words in facts.items() if words]


def print_list(entries: Sequence[Entry], console: Console) -> None:
    """The names of all entries, kind by kind."""
    for kind, meaning in KINDS.items():
        names = dict.fromkeys(entry.name for entry in entries if entry.kind == kind)
        plural = "statuses" if kind == "status" else f"{kind}s"
        console.print(Text.assemble((plural, "bold"), (f"  {meaning}", "dim")))
        shown = [Text(printable(name), overflow="fold") for name in names]
        columns = Columns(shown, padding=(0, 2), column_first=True)
        console.print(Padding(columns, (0, 0, 1, _INDENT)))
    console.print(Text("attnaudit explain NAME says what a name means."))
