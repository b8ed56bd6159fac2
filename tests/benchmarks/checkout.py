"""Runs a module of the benchmarks, or of the program, with the package of a certain checkout.

As a script: `python .../checkout.py FOLDER MODULE ARGUMENT ...`. The package `attnaudit` is that of
FOLDER; the benchmarks are those that this file belongs to.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]


def package_of() -> Path:
    """The checkout whose package this process runs."""
    attnaudit = importlib.import_module("attnaudit")
    assert attnaudit.__file__ is not None
    return Path(attnaudit.__file__).resolve().parents[1]


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of the benchmarks with the package of this process."""
    return [sys.executable, str(Path(__file__).resolve()), str(package_of()), module, *arguments]


def environ(package: Path | None = None) -> dict[str, str]:
    """The variables of fresh processes: the program of a checkout, by default ours; one thread.

    Python keeps its bytecode, as it does for users, whatever this process was told.
    """
    path = str(package_of() if package is None else package)
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def main(folder: str, module: str, *arguments: str) -> None:
    """Find the package in one place, all else in the other, and run the module."""
    for path in (folder, str(HERE)):
        while path in sys.path:
            sys.path.remove(path)
    sys.path[0] = folder
    importlib.import_module("attnaudit")
    sys.path[0] = str(HERE)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
