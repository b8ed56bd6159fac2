"""Which room may know of which: the arrows of the design point one way."""

from __future__ import annotations

import ast
import os
import re
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
        "readings",
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
    "readings": {"models"},
    "importance": {"data", "execution", "models"},
    "models": {"data", "execution", "measures"},
    "data": {"measures"},
    "measures": set(),
    "execution": set(),
}
COMMON = {"config", "errors"}
QUESTIONS_SHARED = [
    ROOT / "attnaudit" / "questions" / f"{name}.py"
    for name in ("answers", "variants", "trained", "reliance", "settling")
]


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


READERS = re.compile(r"attnaudit\.questions\.\w+\.(summarise|tables|\w+_tables|figures|metrics)\b")


def test_makers_never_import_readers():
    makers = [*(ROOT / "attnaudit" / "questions").rglob("make*"), *QUESTIONS_SHARED]
    files = [f for path in makers for f in ([path] if path.suffix else path.rglob("*.py"))]
    assert len(files) > 20
    for path in files:
        assert not [name for name in imported(path) if READERS.match(name)], path


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
