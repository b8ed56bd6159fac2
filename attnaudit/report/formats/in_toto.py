"""A statement of test results by the in-toto attestation framework, for others to sign."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.in_toto import statement

    return statement(given.report)


FORMAT = Format(
    "in-toto",
    "The gates as an in-toto test result: unsigned JSON that others can sign.",
    _render,
    kind="json",
)
