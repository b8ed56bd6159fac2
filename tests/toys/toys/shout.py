"""A format: every metric in capitals."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    return "".join(f"{name.upper()} {m.value}\n" for name, m in given.report.metrics.items())


FORMAT = Format("shout", "Every metric in capitals.", _render, ".shout")
