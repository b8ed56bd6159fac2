"""Peak memory of fresh processes: of one side of a case, or of a command of the program.

As a module it is such a process: `python -m tests.benchmarks.memory side BENCHMARK CASE SIDE toy`
and `... command FILE ARGUMENT ...`, of `attnaudit`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.case import AbsentError, Benchmark
from tests.benchmarks.checkout import HERE, environ, python

MIB = 2**20
STATUS = Path("/proc/self/status")  # of Linux


@dataclass(frozen=True)
class Spent:
    """What a command took: seconds of CPU and wall, and its peak memory in bytes."""

    cpu: float
    wall: float
    peak: int


def side_peak(
    benchmark: str, case: str, side: str, toy: bool
) -> tuple[float, float] | tuple[None, None]:
    """Peak memory of a fresh process in MiB, and how far above what stood there before.

    `side` is a rival's name, or empty for ours. None, None where the system does not tell.
    """
    if not STATUS.exists():
        return None, None
    done = subprocess.run(
        python(__name__, "side", benchmark, case, side, str(int(toy))),
        env=environ(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return found["peak"] / MIB, (found["peak"] - found["before"]) / MIB


def spend(arguments: Sequence[str], folder: Path) -> Spent:
    """Run `attnaudit` with the arguments, in `folder` and a process of its own."""
    if not STATUS.exists():
        raise AbsentError("needs Linux, which tells the peak memory of a process")
    with tempfile.TemporaryDirectory() as temporary:
        note = Path(temporary) / "spent.json"
        start = time.perf_counter()
        done = subprocess.run(
            python(__name__, "command", str(note), *arguments),
            env=environ(),
            capture_output=True,
            text=True,
            cwd=folder,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["nothing"]
            raise RuntimeError(f"attnaudit ended with {done.returncode}, saying: {said[-1]}")
        wall = time.perf_counter() - start
        return Spent(wall=wall, **json.loads(note.read_text()))


def memory_now(field: str) -> int:
    """A field of Linux' account of this process, in bytes: `VmRSS` now, `VmHWM` at its highest."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise ValueError(f"no field {field!r}")


def _side(all_benchmarks: dict[str, Benchmark], name: str, case: str, side: str, toy: str) -> Any:
    import torch

    from attnaudit.execution.device import prepare_cpu

    torch.set_num_threads(1)
    built = all_benchmarks[name].cases(toy == "1")[case]()
    work = built.rivals[side] if side else built.ours
    prepare_cpu(1)  # only now: memory that is kept from building would serve the work unseen
    before = memory_now("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest from now on
    (work.brief or work.call)()
    return {"before": before, "peak": memory_now("VmHWM")}


def _command(note: str, *arguments: str) -> None:
    from attnaudit.cli.main import main

    sys.argv = ["attnaudit", *arguments]
    try:
        main()
    finally:
        spent = {"cpu": time.process_time(), "peak": memory_now("VmHWM")}
        Path(note).write_text(json.dumps(spent))


if __name__ == "__main__":
    if sys.argv[1] == "command":
        _command(*sys.argv[2:])
    else:
        from tests.benchmarks.suite import BENCHMARKS

        name, case, side, toy = sys.argv[2:]
        sys.stdout.write(json.dumps(_side(BENCHMARKS, name, case, side, toy)) + "\n")
