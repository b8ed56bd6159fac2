from __future__ import annotations

import io

import pytest
from rich.console import Console

from attnaudit.explanations.collect import all_entries
from attnaudit.explanations.entry import Entry
from attnaudit.explanations.text import print_entries, print_list


def printed(show, entries, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show(entries, console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, pytest.param(120, marks=pytest.mark.whole)])  # 80 is harder
@pytest.mark.parametrize("show", [print_entries, print_list])
def test_no_line_is_wider_than_the_terminal(show, width):
    for line in printed(show, all_entries(), width).splitlines():
        assert len(line) <= width


def test_all_facts_of_an_entry_are_shown():
    entry = Entry(
        "setting",
        "strength",
        "How strong it is.",
        formula="s = 1",
        unit="nats",
        range="at least 0",
        better="higher",
        beside=("tau", "floor"),
        traps="It misleads.",
        source="Somebody 1999",
        default="3",
        of="probe",
        holds="{x}: a number",
        least_n=30,
        aliases=("probe.strength", "force"),
    )
    text = printed(print_entries, [entry], 80)
    assert text.startswith("strength  setting of probe\n  How strong it is.")
    told = ("s = 1", "nats", "at least 0", "higher", "tau, floor", "It misleads.", "Somebody 1999")
    for words in (*told, "3", "{x}: a number", "30 texts", "force"):
        assert words in text
    assert "probe.strength" not in text  # says no more than the line above


def test_nothing_is_read_as_markup():
    entry = Entry("term", "[red]x[/red]", "What [bold]it[/bold] is.", source="[1]")
    text = printed(print_entries, [entry], 80)
    assert "[red]x[/red]" in text
    assert "What [bold]it[/bold] is." in text
    assert "[red]x[/red]" in printed(print_list, [entry], 80)
