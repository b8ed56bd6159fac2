"""Values that are made once, for whoever asks first, and kept for the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """Values by key. They stay as long as this object does, or until `forget`."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}

    def __call__(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, which is called only if nobody has asked for this key yet."""
        if key not in self._made:
            self._made[key] = make()
        found: T = self._made[key]
        return found

    def forget(self) -> None:
        """Let all values go."""
        self._made.clear()
