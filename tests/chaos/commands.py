"""Commands that are run, disturbed, and run again until they end, in processes of their own."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sealed import body

ROOT = Path(__file__).parents[2]
TIMES = ("started", "finished", "command_line", "files", "threads")  # what two runs may differ in
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Command:
    """An attnaudit command line and the files that it leaves; it goes on when it is run again.

    `again` is what is added to it then.
    """

    line: Sequence[str]
    leaves: Sequence[str]
    again: Sequence[str] = ()

    def start(self, folder: Path, *more: str, most_bytes: int | None = None) -> Any:
        """The process, in a session of its own: what kills it does not kill us."""

        def limit() -> None:
            if most_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

        return subprocess.Popen(
            [sys.executable, "-m", "attnaudit", *self.line, *more],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=limit,
        )

    def run(self, folder: Path, *more: str, most_bytes: int | None = None) -> tuple[int, str]:
        """Exit code and stderr of an undisturbed run."""
        with self.start(folder, *more, most_bytes=most_bytes) as process:
            _, said = process.communicate()
        return process.returncode, said

    def finish(self, folder: Path, *more: str) -> None:
        """Run it to the end; raises RuntimeError with what it says where that is no success."""
        code, said = self.run(folder, *more)
        if code:
            raise RuntimeError(f"exit code {code}: {said}")

    def left(self, folder: Path) -> dict[str, Any]:
        """What it leaves, but for times: records line by line, reports as JSON."""
        return {name: _content(folder / name) for name in self.leaves}


def _content(path: Path) -> Any:
    if path.suffix == ".jsonl":
        return body(path)
    report = json.loads(path.read_text())
    for name in TIMES:
        report["manifest"].pop(name, None)
    return report


@dataclass(frozen=True)
class Outcome:
    """How a disturbed run went: the disturbances that hit it, and whether it left the same."""

    hits: int
    same: bool
    seconds: float

    def __str__(self) -> str:
        verdict = "the same" if self.same else "DIFFERENT"
        return f"disturbed {self.hits} times, left {verdict} ({self.seconds:.0f} s)"


def disturbed(
    command: Command,
    folder: Path,
    expected: dict[str, Any],
    disturb: Callable[[Any], bool],
    times: int,
) -> Outcome:
    """Start the command again and again, `times` of them under `disturb`, then let it end.

    `disturb(process)` says whether it struck before the end.
    """
    begun, hits, again = time.monotonic(), 0, False
    for _ in range(times):
        with command.start(folder, *(command.again if again else ())) as process:
            hit = disturb(process)
            process.communicate()
        hits += hit
        again = (folder / command.leaves[0]).exists() or hit
    command.finish(folder, *command.again)
    same = command.left(folder) == expected
    return Outcome(hits, same, time.monotonic() - begun)


def kill_after(seconds: float) -> Callable[[Any], bool]:
    """Kill the whole session, as a machine that goes down does."""

    def strike(process: Any) -> bool:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return True
        return False

    return strike


def moments(count: int, longest: float, seed: int) -> list[float]:
    """Random moments, one in each of `count` equal parts of the time, in random order."""
    dice = random.Random(seed)
    found = [(k + dice.random()) * longest / count for k in range(count)]
    dice.shuffle(found)
    return found
