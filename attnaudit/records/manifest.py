"""The manifest of a run: what somebody needs to repeat it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from functools import cache
from importlib import metadata

from pydantic import JsonValue

from attnaudit import __version__
from attnaudit.records.schema import Manifest, Platform

_PACKAGES = ("numpy", "scipy", "torch", "tokenizers", "transformers")


def collect(
    command_line: Sequence[str],
    settings: Mapping[str, JsonValue],
    seeds: Sequence[int],
    started: datetime,
    finished: datetime | None,
    device: str,
    dtype: str,
    threads: int,
    files: Mapping[str, str],
) -> Manifest:
    """The manifest of a run on this machine, of which it names the kind, never host or user.

    `started` and `finished` are aware times; `finished` is None while the work goes on. Where the
    clock was put back meanwhile, the work ends when it began. `files` gives each file's SHA-256.
    """
    return Manifest(
        attnaudit=__version__,
        command_line=list(command_line),
        settings=dict(settings),
        seeds=list(seeds),
        files=dict(files),
        python=platform.python_version(),
        packages=versions(),
        platform=Platform(system=platform.system(), machine=platform.machine()),
        device=device,
        dtype=dtype,
        threads=threads,
        started=_utc(started),
        finished=None if finished is None else _utc(max(started, finished)),
    )


def versions() -> dict[str, str]:
    """The installed versions of the packages that figures depend on."""
    return dict(_versions())


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found.append((package, metadata.version(package)))
    return tuple(found)


def _utc(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
