"""Text, for the terminal."""

from __future__ import annotations

from attnaudit.errors import harmless
from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.console import open_console, plain_console
    from attnaudit.report.digits import USUAL, digits
    from attnaudit.report.text import render

    if given.terminal is None:
        console = plain_console()
    else:
        console = open_console(given.terminal, given.environ)
    asked = USUAL if given.digits is None else given.digits
    with digits(asked), console.capture() as rendered:
        render(given.report, console, detail=given.detail)
        if given.asked and given.made.gallery:
            from attnaudit.report.heatmaps_text import print_heatmaps

            print_heatmaps(given.made.gallery, console)
    return harmless(rendered.get())


FORMAT = Format(
    "text", "Tables for the terminal, with findings and gates.", _render, ".txt", tables=True
)
