"""JSON, for programs; it can be read again."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.schema import dumps

    return dumps(given.report)


FORMAT = Format(
    "json",
    "The whole report for programs, by the schema.",
    _render,
    ".json",
    kind="json",
    tables=True,
)
