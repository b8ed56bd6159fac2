"""A real dask cluster on loopback: a scheduler and workers in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


class DaskProcesses:
    """A scheduler and some workers; each can be ended, paused, or joined by more."""

    def __init__(self, folder: Path, workers: int, **settings: str) -> None:
        self.folder = folder
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        self.environment = {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            **{f"DASK_DISTRIBUTED__{key}": value for key, value in settings.items()},
        }
        told = folder / "scheduler.json"
        told.unlink(missing_ok=True)
        self.scheduler = self._start(
            "dask_scheduler", "--no-dashboard", "--port", "0", "--scheduler-file", str(told)
        )
        self.address = _address(told)
        self.workers = [self.add_worker() for _ in range(workers)]

    def add_worker(self) -> subprocess.Popen[bytes]:
        """One more worker, of one thread, without a nanny that would start it again."""
        return self._start(
            "dask_worker",
            self.address,
            "--nthreads",
            "1",
            "--no-nanny",
            "--no-dashboard",
            "--local-directory",
            str(self.folder),
        )

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{what}", "--host", "127.0.0.1", *arguments],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _address(told: Path, patience: float = 300.0) -> str:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            address: str = json.loads(told.read_text())["address"]
        except (FileNotFoundError, ValueError):
            time.sleep(0.05)
        else:
            return address
    raise TimeoutError("the scheduler has not started")
