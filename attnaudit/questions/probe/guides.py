"""Whose attention guides a probe: what they are called, and where their weights come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pydantic

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_path
from attnaudit.records.metric import NAME

GUIDES = ("uniform", "trained", "base")  # that W&P compare
CONTROLS = ("shuffled", "untrained", "position")  # guides that no finding rests on
# None of these may --guide take as a name: `leak` is one in older records, and metrics are called
# by the others.
RESERVED = (*GUIDES, *CONTROLS, "leak", "removed_attended", "removed_other")


class GuideFile(Settings):
    """A checkpoint whose attention guides probes; `path` as it was given."""

    name: str = pydantic.Field(description="The name of the guide in metrics and tables.")
    path: str = pydantic.Field(description="The path of the checkpoint, as it was given.")
    sha256: str = pydantic.Field(description="The SHA-256 of the checkpoint.")


def read_guides(given: Sequence[str]) -> tuple[GuideFile, ...]:
    """The guides that `--guide NAME=FILE` asks for; raises InputError for one that cannot be."""
    found: dict[str, GuideFile] = {}
    for text in given:
        name, separator, path = text.partition("=")
        if not separator or not path:
            raise InputError(f"--guide {text}: give it as NAME=FILE")
        if not re.fullmatch(NAME, name):
            raise InputError(
                f"--guide {text}: {name!r} cannot be a name here",
                hint="use small letters, digits and _, beginning with a letter",
            )
        if name in RESERVED:
            raise InputError(f"--guide {text}: {name!r} has a meaning already; choose another name")
        if name in found:
            raise InputError(f"--guide {text}: the name {name!r} is given twice")
        found[name] = GuideFile(name=name, path=path, sha256=sha256_path(Path(path)))
    return tuple(found.values())
