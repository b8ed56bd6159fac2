"""Sample configurations that ship with the package, found by name."""

from __future__ import annotations

from pathlib import Path

import attnaudit
from attnaudit.errors import InputError, did_you_mean


def sample_folder() -> Path:
    """Where the samples are: inside an installed package, beside it in a checkout."""
    package = Path(attnaudit.__file__).parent
    inside = package / "sample_configs"
    return inside if inside.is_dir() else package.parent / "sample_configs"


def find_config(name: str) -> Path:
    """The file `name`, or the sample config of that name; raises InputError with the nearest."""
    path = Path(name)
    if path.is_file() or path.suffix:
        return path
    sample = sample_folder() / f"{name}.yaml"
    if sample.is_file():
        return sample
    known = sorted(p.stem for p in sample_folder().glob("*.yaml"))
    raise InputError(
        "there is no such file, and no sample configuration of this name",
        where=name,
        hint=did_you_mean(name, known),
    )
