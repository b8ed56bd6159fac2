"""The folder of kept models that warm-started models begin from, as settings hold it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pydantic

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_path

_NAME = re.compile(r"seed(\d+)(\.pt)?")


class StartFolder(Settings):
    """A folder that `seed-baseline --keep` has filled; `path` as it was given."""

    path: str = pydantic.Field(description="The path of the folder, as it was given.")
    sha256: str = pydantic.Field(description="The SHA-256 of the names and models in it.")

    @property
    def models(self) -> dict[int, Path]:
        """The models in it by seed, in the order of the seeds."""
        return models_in(Path(self.path))


def models_in(folder: Path) -> dict[int, Path]:
    """The models `seed3.pt`, or folders `seed3`, in a folder, in the order of their seeds."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if named := _NAME.fullmatch(path.name):
            found[int(named[1])] = path
    return dict(sorted(found.items()))


def read_start(given: str | Path) -> StartFolder:
    """The folder that `--start` names; raises InputError where it holds no models."""
    folder = Path(given)
    models = models_in(folder)
    if not models:
        raise InputError(
            "is not a folder with models of seed-baseline",
            where=folder,
            hint="make one with `attnaudit seed-baseline --keep DIR`",
        )
    told = hashlib.sha256()
    for path in models.values():
        told.update(f"{path.name} {sha256_path(path)}\n".encode())
    return StartFolder(path=str(given), sha256=told.hexdigest())
