"""The same work by the package of another checkout, in a process of its own beside this one.

As a module it is that process: `python -m tests.benchmarks.beside BENCHMARK CASE TOY` builds the
case, and does our side of it whenever it is told to.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.case import BESIDE, Case, Rival, cpu_seconds
from tests.benchmarks.checkout import environ

SCRIPT = Path(__file__).with_name("checkout.py")


class Worker:
    """A process that does our side of a case with the package of the checkout in `folder`.

    Raises RuntimeError where it cannot.
    """

    def __init__(self, folder: Path, benchmark: str, case: str, toy: bool) -> None:
        self.cpu = 0.0
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), __name__, benchmark, case, str(int(toy))],
            env=environ(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hear()

    def clock(self) -> float:
        """CPU seconds of the process after its last call."""
        return self.cpu

    def call(self) -> Any:
        """Our side of the case, once."""
        assert self._process.stdin is not None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result"
            self._process.stdin.write(f"{path}\n")
            self._process.stdin.flush()
            self._hear()
            return pickle.loads(path.read_bytes())  # of a process that we have started

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"the process of {BESIDE} ended with {self._process.wait()}")
        self.cpu = float(said)


@contextmanager
def beside(case: Case, folder: Path, benchmark: str, name: str, toy: bool) -> Iterator[Case]:
    """The case with the package in `folder` as one more rival."""
    worker = Worker(folder, benchmark, name, toy)
    same = case.same or (lambda ours, theirs: None)
    rival = Rival(worker.call, case.ours.units, clock=worker.clock, agree=same)
    try:
        yield replace(case, rivals={**case.rivals, BESIDE: rival})
    finally:
        worker.close()


def main(benchmark: str, name: str, toy: str) -> None:
    """Say the CPU seconds so far, and again after each call; put each result where it is told."""
    from attnaudit.execution.device import prepare_cpu
    from tests.benchmarks.suite import BENCHMARKS

    heard = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not for the other end
    prepare_cpu(1)
    case = BENCHMARKS[benchmark].cases(toy == "1")[name]()
    heard.write(f"{cpu_seconds()}\n")
    heard.flush()
    for line in sys.stdin:
        result = case.ours.call()
        spent = cpu_seconds()
        Path(line.rstrip("\n")).write_bytes(pickle.dumps(result))
        heard.write(f"{spent}\n")
        heard.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
