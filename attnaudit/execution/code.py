"""Which version of the program makes the records, by its very bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attnaudit

_READING = ("cli", "drawing", "explanations", "findings", "report")  # rooms that make no record
_QUESTIONS = "questions"  # of which only some files do
_IMPORTED = re.compile(r"^\s*from attnaudit\.(questions[\w.]*) import", re.MULTILINE)


@cache
def code_digest() -> str:
    """The SHA-256 of the source files that records come from.

    Versions under one number differ in it. It stays when a change touches nothing but what reads
    records: titles, tables, figures, the command line.
    """
    folder = Path(attnaudit.__file__).parent
    digest = hashlib.sha256()
    for path in sorted({*_rooms(folder), *_makers(folder)}):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _rooms(folder: Path) -> Iterator[Path]:
    """The files of rooms that hold nothing but what records depend on."""
    for path in folder.rglob("*.py"):
        if path.relative_to(folder).parts[0] not in (*_READING, _QUESTIONS):
            yield path


def _makers(folder: Path) -> set[Path]:
    """What makes the records of the questions, with everything of their room that it imports."""
    waiting = [*folder.glob(f"{_QUESTIONS}/*/make.py"), *folder.glob(f"{_QUESTIONS}/*/make/*.py")]
    found = set(waiting)
    while waiting:
        for module in _IMPORTED.findall(waiting.pop().read_text(encoding="utf-8")):
            place = folder.joinpath(*module.split("."))
            for path in (place.with_suffix(".py"), place / "__init__.py"):
                if path.is_file() and path not in found:
                    found.add(path)
                    waiting.append(path)
    return found
