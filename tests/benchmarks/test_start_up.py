from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import attnaudit

resource = pytest.importorskip("resource", reason="CPU time of other processes needs Unix")
pytestmark = pytest.mark.benchmark


def cpu(*command):
    """CPU seconds of a Python process: the least of three, after one that fills the caches."""
    environ = {**os.environ, "PYTHONPATH": str(Path(attnaudit.__file__).parent.parent)}
    taken = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], check=True, env=environ, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken[1:])


def test_help(figure):
    bare = cpu("-c", "pass")
    for command in ((), ("correlate",)):
        ours = cpu("-m", "attnaudit", *command, "--help")
        shown = " ".join(("attnaudit", *command, "--help"))
        figure(f"{shown}: {ours / bare:.1f} times the CPU of an empty Python program")
