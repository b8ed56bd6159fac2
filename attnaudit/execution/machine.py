"""What this machine has for processes: cores and memory that are free to be used."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# Limits of a container (cgroup v2), as it sees them itself.
_GROUP = Path("/sys/fs/cgroup")
_MEMORY = Path("/proc/meminfo")
_STATUS = Path("/proc/self/status")


def cores() -> int:
    """How many CPU cores this process may use at once, at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = map(float, (_GROUP / "cpu.max").read_text().split())
        count = min(count or 1, int(quota / period))
    return max(1, count or 1)


def free_bytes() -> int | None:
    """How much memory further processes can take; None where the system does not say."""
    free = _of_line(_MEMORY, "MemAvailable:")
    with suppress(OSError, ValueError):
        most = int((_GROUP / "memory.max").read_text())
        left = most - int((_GROUP / "memory.current").read_text())
        free = left if free is None else min(free, left)
    return free


def own_bytes() -> int | None:
    """How much memory this process has now; None where the system does not say."""
    return _of_line(_STATUS, "VmRSS:")


def _of_line(path: Path, name: str) -> int | None:
    """The kibibytes in a line of a file of the system, as bytes."""
    with suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return None
