"""Progress of long work, told to an observer; the core itself never prints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, steps: int = 1, info: str = "") -> None:
        """`steps` more are done; `info` is a short figure worth showing (a loss, a score)."""


class Observer(Protocol):
    """Hears of tasks and of remarks."""

    def task(self, title: str, total: int, done: int = 0) -> AbstractContextManager[Task]:
        """Open a task of `total` steps, `done` of which were made earlier."""

    def say(self, remark: str) -> None:
        """A remark the user should see once."""


class Silent:
    """The observer that nobody listens to; also a task that nobody watches."""

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Task]:
        """A task whose progress goes nowhere."""
        yield self

    def advance(self, steps: int = 1, info: str = "") -> None:
        """Nothing."""

    def say(self, remark: str) -> None:
        """Nothing."""
