"""How long the program takes to say how it is used, against a Python program that does nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side
from tests.benchmarks.checkout import environ

EMPTY = "an empty Python program"


def _python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], check=True, env=environ(), capture_output=True, text=True
    )
    return done.stdout


def _case(*command: str) -> Case:
    def help() -> str:
        said = _python("-m", "attnaudit", *command, "--help")
        assert "Usage: attnaudit" in said
        return said

    return Case(
        size={},
        unit="start",
        ours=Side(help),
        rivals={EMPTY: Rival(lambda: _python("-c", "pass"), agree=lambda *_: None)},
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """The program itself, and one of its commands."""
    return {"--help": _case, "correlate --help": lambda: _case("correlate")}


START_UP = Benchmark("start-up", "what stands between a user and the help", cases)
