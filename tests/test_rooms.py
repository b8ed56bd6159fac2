"""Which room may know of which: the arrows of the design point one way."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What each room of the package may import from the others; `config` and `errors` are for all.
ARROWS = {
    "cli": {
        "data",
        "execution",
        "explanations",
        "findings",
        "importance",
        "models",
        "questions",
        "report",
        "running",
    },
    "explanations": {"findings", "importance", "questions", "readings", "records", "report"},
    "running": {
        *("data", "execution", "findings", "importance", "measures", "models", "questions"),
        *("records", "report"),
    },
    "report": {"execution", "findings", "importance", "measures", "questions", "records"},
    "findings": {"measures", "questions", "records"},
    "questions": {
        *("data", "execution", "importance", "measures", "models", "readings", "records"),
    },
    "records": {"execution", "importance"},  # of importances the names alone
    "readings": set(),
    "importance": {"data", "execution", "models"},
    "models": {"data", "execution", "measures"},
    "data": {"measures"},
    "measures": set(),
    "execution": set(),
}
COMMON = {"config", "errors"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_knows_only_those_below_it(room):
    files = list((ROOT / "attnaudit" / room).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "attnaudit" and len(parts) > 1:
                assert parts[1] in {room, *COMMON, *ARROWS[room]}, f"{path} imports {name}"


def test_every_room_is_known():
    rooms = {path.parent.name for path in (ROOT / "attnaudit").glob("*/__init__.py")}
    assert rooms == ARROWS.keys()


def test_reports_need_neither_a_model_nor_torch():
    """In a fresh process: every module of the reports, whatever it imports in turn."""
    code = """
import importlib, pkgutil, sys
import attnaudit.report as rooms
for module in pkgutil.walk_packages(rooms.__path__, "attnaudit.report."):
    importlib.import_module(module.name)
print([m for m in ("torch", "attnaudit.models", "attnaudit.running") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
