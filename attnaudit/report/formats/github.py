"""Workflow commands, for GitHub Actions."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.github import workflow_commands

    return workflow_commands(given.report, given.strict)


FORMAT = Format(
    "github",
    "The gates as marks in the log of GitHub Actions.",
    _render,
    step_summary=True,
    kind="commands",
)
