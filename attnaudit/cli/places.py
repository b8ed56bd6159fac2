"""Where a file that nobody vouches for may point: into its own folder, or the working folder."""

from __future__ import annotations

import os
from pathlib import Path

from attnaudit.errors import InputError


def leads_out(path: str | Path, *folders: Path) -> bool:
    """Whether a path, links followed, lies in none of the folders.

    Raises ValueError or OSError for something that is not a path.
    """
    there = os.path.realpath(path)
    return not any(Path(there).is_relative_to(os.path.realpath(folder)) for folder in folders)


def check_output(config: Path, output: Path | None, given: Path | None) -> None:
    """Raise InputError where a configuration has its results written outside these folders.

    `output` is the folder for them, and `given` the one that the command line named, which may be
    any.
    """
    if given is None and output is not None and leads_out(output, Path.cwd(), config.parent):
        raise InputError(
            f"output: {str(output)!r} leads out of this folder and the configuration's",
            where=config,
            hint="give the folder on the command line, with -o FOLDER",
        )
