"""LaTeX, for papers."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.digits import digits
    from attnaudit.report.latex import latex

    with digits("interval" if given.digits is None else given.digits):
        return latex(given.report)


FORMAT = Format(
    "latex",
    "Tables for a paper, for the LaTeX package booktabs.",
    _render,
    ".tex",
    kind="commands",  # it is ASCII, and escapes of other languages would change it
    tables=True,
)
