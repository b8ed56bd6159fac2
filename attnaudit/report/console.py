"""Consoles to which text from files can do nothing, of a width that can be read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from attnaudit.errors import printable

_PLAIN_WIDTH = 100  # of files and pipes, which have no width of their own
_WIDTHS = (40, 500)  # narrower breaks every word; wider is a mistake, and fills memory with spaces


class PlainConsole(Console):
    """A console that takes no text for markup, and shows control characters as escapes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of what is shown; those that move the cursor are rich's own."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.replace("\n", "").isprintable():
                yield segment
            else:
                text = "\n".join(map(printable, segment.text.split("\n")))
                yield Segment(text, segment.style)


def open_console(stream: TextIO, environ: Mapping[str, str]) -> PlainConsole:
    """A console on `stream`, as wide as COLUMNS says, else as the terminal, else 100 columns."""
    return PlainConsole(file=stream, width=_width(stream, environ))


def plain_console() -> PlainConsole:
    """A console for files: 100 columns wide and without colour in any environment."""
    return PlainConsole(file=io.StringIO(), width=_PLAIN_WIDTH, force_terminal=False)


def _width(stream: TextIO, environ: Mapping[str, str]) -> int:
    said = environ.get("COLUMNS", "")
    width = int(said) if said.isascii() and said.isdecimal() and len(said) < 9 else 0
    if not width and stream.isatty():
        with suppress(OSError, ValueError):
            width = os.get_terminal_size(stream.fileno()).columns
    least, most = _WIDTHS
    return min(max(width, least), most) if width else _PLAIN_WIDTH
