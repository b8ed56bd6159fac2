"""JUnit XML, for CI servers."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.junit import junit

    return junit(given.report, given.strict)


FORMAT = Format(
    "junit", "One test case for each gate, for CI servers.", _render, ".xml", kind="markup"
)
