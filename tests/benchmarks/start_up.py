"""How long the program takes to start, against Python programs that do nothing but import.

Help, a report shown again (which needs no torch), and the smallest work: one text.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.benchmarks.case import Benchmark, Build, Case, DisagreementError, Rival, Side
from tests.benchmarks.growth import write_model, write_texts
from tests.benchmarks.processes import attnaudit, run

EMPTY = "an empty Python program"
NUMPY = "a Python program that imports numpy"
TORCH = "a Python program that imports torch"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="attnaudit-start-")


def _prepared() -> Path:
    """A folder with a model, one text, and the report on it."""
    folder = Path(_folder().name)
    if not (folder / "report.json").exists():
        write_model(folder / "model.pt")
        write_texts(folder / "data.jsonl", 1)
        attnaudit(*_CORRELATE, "-o", "report.json", folder=folder)
    return folder


_CORRELATE = ("correlate", "model.pt", "data.jsonl", "--json", "--quiet")


def _case(said: str, *arguments: str, rivals: Mapping[str, str], prepare: bool = False) -> Case:
    """`said`: words that the program's answer holds; `rivals`: the lines of other programs."""
    folder = _prepared() if prepare else None

    def agree(ours: str, theirs: str) -> None:
        if said not in ours or theirs:
            raise DisagreementError(f"{said!r} is not in what was said: {ours!r:.80}")

    def of(line: str) -> Rival:
        return Rival(lambda: run("-c", line), agree=agree)

    return Case(
        size={},
        unit="start",
        ours=Side(lambda: attnaudit(*arguments, folder=folder)),
        rivals={name: of(line) for name, line in rivals.items()},
        memory=False,
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """The program itself, two of its commands, and one command's help."""
    nothing = {EMPTY: "pass"}
    numpy, torch = nothing | {NUMPY: "import numpy"}, nothing | {TORCH: "import torch"}
    return {
        "--help": lambda: _case("Usage: attnaudit", "--help", rivals=nothing),
        "correlate --help": lambda: _case(
            "Usage: attnaudit", "correlate", "--help", rivals=nothing
        ),
        "report of a report": lambda: _case(
            "correlate", "report", "report.json", rivals=numpy, prepare=True
        ),
        "correlate of one text": lambda: _case(
            "correlate", *_CORRELATE, rivals=torch, prepare=True
        ),
    }


START_UP = Benchmark("start-up", "what stands between a user and an answer", cases)
