"""The program as users start it: a process, from its start to its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.checkout import environ


def attnaudit(*arguments: str, folder: Path | None = None) -> str:
    """What `attnaudit` says on stdout; raises RuntimeError where it ends with an error."""
    return run("-m", "attnaudit", *arguments, folder=folder)


def run(*arguments: str, folder: Path | None = None) -> str:
    """What Python says; raises RuntimeError where it ends with an error."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environ(),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1):  # 1: a gate has failed, which is a result
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise RuntimeError(f"the process ended with {done.returncode}, saying: {said[-1]}")
    return done.stdout
