"""Markdown, for job summaries, pull requests and model cards."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.digits import digits
    from attnaudit.report.markdown import markdown

    with digits("interval" if given.digits is None else given.digits):
        return markdown(given.report)


FORMAT = Format(
    "markdown",
    "The report for pull requests and model cards.",
    _render,
    ".md",
    kind="markup",
    tables=True,
)
