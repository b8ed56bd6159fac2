"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import torch

from tests.benchmarks.checkout import HERE

PACKAGES = ("torch", "numpy", "scipy", "transformers", "captum")


def machine() -> dict[str, str]:
    """Facts by name: CPU, cores, threads, operating system and versions."""
    return {
        "CPU": _cpu(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "system": platform.platform(),
        "Python": platform.python_version(),
        "attnaudit": commit_of(HERE),
        **{package: _version(package) for package in PACKAGES},
    }


def commit_of(checkout: Path) -> str:
    """The commit that stands in a checkout, or the folder's name where there is no git."""
    asked = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True)
    except OSError:
        return checkout.resolve().name
    known = done.returncode == 0 and (checkout / ".git").exists()
    return done.stdout.strip() if known else checkout.resolve().name


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
