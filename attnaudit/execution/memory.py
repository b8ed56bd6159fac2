"""How much memory this process has taken at most, as far as the system tells."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak(device: torch.device) -> None:
    """Let `peak_bytes` and `device_peak_bytes` count from now, where the system can do that."""
    with suppress(OSError):
        _CLEAR.write_text("5")  # Linux: the peak of what is resident begins anew
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes() -> int | None:
    """The most that was resident, in bytes; None where the system does not say."""
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def device_bytes(device: torch.device, work: Callable[[], object]) -> int:
    """The most that tensors took on a GPU while it did some work, beside what lay there before."""
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def device_room(device: torch.device) -> tuple[int, int]:
    """The memory of a GPU, and how much of it tensors of this process can still take; bytes."""
    free, total = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return total, free + kept


def device_peak_bytes(device: torch.device) -> int | None:
    """The most that tensors took on a GPU, in bytes; None for other devices."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
