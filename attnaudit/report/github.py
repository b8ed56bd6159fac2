"""The gates of a report as workflow commands, which GitHub Actions shows beside the policy's lines.

A gate that fails the run is an error, any other that does not pass a warning, a waived one a
notice. GitHub shows ten of each kind a step; the step summary (`report.markdown`) holds all.
(GitHub documentation, "Workflow commands for GitHub Actions".)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from attnaudit.errors import printable
from attnaudit.report.gates import counts, counts_as_failure, said
from attnaudit.report.schema import Gate, Report
from attnaudit.report.warnings import besides_gates

_Level = Literal["error", "warning", "notice"]
_LEVELS: tuple[_Level, ...] = ("error", "warning", "notice")


def workflow_commands(report: Report, strict: bool) -> str:
    """One command a line: warnings on the whole, errors, and the rest; then the number of gates."""
    commands = [_command(level, gate) for gate in report.gates for level in _levels(gate, strict)]
    commands.sort(key=lambda command: _LEVELS.index(command[0]))
    first = [
        f"::warning title=attnaudit {_property(warned.name)}::{_data(printable(warned.words))}"
        for warned in besides_gates(report)
    ]
    lines = [*first, *(line for _, line in commands)]
    return "\n".join([*lines, f"Gates: {counts(report.gates)}"]) + "\n"


def _levels(gate: Gate, strict: bool) -> Iterator[_Level]:
    if counts_as_failure(gate, strict):
        yield "error"
    elif gate.status == "waived":
        yield "notice"
    elif gate.status == "inconclusive" or (gate.waiver is not None and gate.waiver.expired):
        yield "warning"


def _command(level: _Level, gate: Gate) -> tuple[_Level, str]:
    properties = {"title": f"{gate.id}: {gate.status}"}
    if gate.file is not None:
        properties = {"file": gate.file, "line": str(gate.line or 1), **properties}
    message = "\n".join(map(printable, said(gate)))
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return level, f"::{level} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """The message of a command: its own line breaks stand for lines, and nothing ends it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property of a command, whose list and end are marked by more characters."""
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
