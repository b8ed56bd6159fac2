"""Markdown, for job summaries, pull requests and model cards."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.markdown import markdown

    return markdown(given.report)


FORMAT = Format(
    "markdown", "The report for pull requests and model cards.", _render, ".md", kind="markup"
)
