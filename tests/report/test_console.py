from __future__ import annotations

import io
import os

import pytest
from rich.table import Table
from rich.text import Text

from attnaudit.report.console import open_console, plain_console


@pytest.mark.parametrize(
    ("columns", "width"),
    [
        *(("", 100), ("0", 100), ("-3", 100), ("wide", 100), ("²", 100), ("9" * 30, 100)),
        *(("1", 40), ("70", 70), ("500", 500), ("100000", 500), (" 80", 100), ("80.5", 100)),
    ],
)
def test_a_width_can_be_read_whatever_columns_says(columns: str, width: int) -> None:
    assert open_console(io.StringIO(), {"COLUMNS": columns}).width == width


def test_a_terminal_that_does_not_know_its_width_has_one() -> None:
    controller, terminal = os.openpty()  # of 0 columns, until someone says otherwise
    with os.fdopen(terminal, "w") as stream:
        assert open_console(stream, {}).width == 100
    os.close(controller)


def test_nothing_in_a_text_is_markup_or_moves_the_cursor() -> None:
    hostile = "[bold]a[/] [link=x]b \x1b[2Jc\rd\x07 \u202ee\u200b \x9b1m :smile: [/]"
    console = plain_console()
    table = Table(hostile, title=hostile)
    table.add_row(hostile)
    with console.capture() as shown:
        console.print(hostile)
        console.print(Text(hostile, "bold"))
        console.print(table)
    text = shown.get()
    assert text.count("[bold]a[/] [link=x]b") >= 4
    assert r"\x1b[2Jc" in text
    assert r"\u202ee\u200b \x9b1m :smile: [/]" in text
    assert all(line.isprintable() for line in text.splitlines())
