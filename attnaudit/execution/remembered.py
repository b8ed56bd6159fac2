"""What was found in files of the program, kept beside Python's bytecode until a file changes.

Python keeps bytecode by the same rule, the time and the size of the source. So what is kept here is
of the code that runs.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from attnaudit.errors import OutputError
from attnaudit.execution.files import write_text

Stamp = list[int]  # the time of a file in nanoseconds, and its size


class Remembered:
    """What `finder`, a module, finds in files below `folder`: lists of what JSON can hold.

    It holds while a file has the same time and size, and the finder too. It is not written down
    where Python writes no bytecode, or where nobody may write.
    """

    def __init__(self, finder: Path, folder: Path) -> None:
        self._finder, self._folder = finder, folder
        self._changed = False

    def of(self, path: Path, find: Callable[[], list[Any]]) -> list[Any]:
        """What `find` gives for the file, which is called only if nothing is kept that holds."""
        if not path.is_relative_to(self._folder):
            return find()
        key, stamp = str(path), _stamp(path)
        kept = self._known.get(key)
        if kept is None or kept[0] != stamp:
            self._known[key] = kept = [stamp, find()]
            self._changed = True
        found: list[Any] = kept[1]
        return found

    def keep(self) -> None:
        """Write down what is new, if it can be."""
        if self._changed and not sys.dont_write_bytecode and self._place.parent.is_dir():
            told = {"finder": _stamp(self._finder), "files": self._known}
            with suppress(OSError, OutputError):
                write_text(self._place, json.dumps(told))
        self._changed = False

    @property
    def _place(self) -> Path:
        return Path(importlib.util.cache_from_source(str(self._finder))).with_suffix(".json")

    @cached_property
    def _known(self) -> dict[str, Any]:
        """What is kept of each file, its stamp first; nothing of another finder."""
        with suppress(OSError, ValueError, LookupError, TypeError):
            told = json.loads(self._place.read_bytes())
            if told["finder"] == _stamp(self._finder):
                return dict(told["files"])
        return {}


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return [found.st_mtime_ns, found.st_size]
