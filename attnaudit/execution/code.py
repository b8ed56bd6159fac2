"""Which version of the program makes the records, by its very bytes."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import attnaudit

_OTHERS = ("cli", "drawing", "findings", "report")  # which make no record


@cache
def code_digest() -> str:
    """The SHA-256 of the source files that figures come from.

    Versions under one number differ in it; what a change of the display leaves alone stays.
    """
    folder = Path(attnaudit.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        if path.relative_to(folder).parts[0] in _OTHERS:
            continue
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
