"""A page, with figures and heatmaps."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.digits import USUAL, digits
    from attnaudit.report.html.page import html_page

    with digits(USUAL if given.digits is None else given.digits):
        return html_page(given.made, given.summary)


FORMAT = Format(
    "html",
    "One self-contained page with tables, figures and heatmaps.",
    _render,
    ".html",
    needs="html",
    modules=("jinja2", "matplotlib"),
    heatmaps=5,
    kind="markup",
    tables=True,
)
