"""Progress on stderr: a bar with the time left on a terminal, remarks everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as Shown
from rich.text import Text

from attnaudit.errors import harmless, printable
from attnaudit.execution.observer import Silent
from attnaudit.report.console import PlainConsole

if TYPE_CHECKING:
    from attnaudit.execution.observer import Task


class Bar:
    """One line of a progress display."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task = progress, task

    def advance(self, steps: int = 1, info: str = "") -> None:
        """Move on; an `info` stays until the next one."""
        self.progress.advance(self.task, steps)
        if info:
            self.progress.update(self.task, info=printable(info))


class Display:
    """An observer that shows what it hears on stderr; bars only where a person watches.

    Tasks within a task stand below it, in one display.
    """

    def __init__(self, quiet: bool) -> None:
        self.console = PlainConsole(stderr=True, quiet=quiet, soft_wrap=True)
        self._shown: Progress | None = None

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Task]:
        """A bar that vanishes when the task is done."""
        if not self.console.is_terminal or self.console.quiet:
            yield Silent()
        elif self._shown is not None:
            shown = self._shown
            bar = shown.add_task(printable(title), total=total, completed=done, info="")
            try:
                yield Bar(shown, bar)
            finally:  # a training that diverges leaves no bar behind
                shown.remove_task(bar)
        else:
            with Progress(*_columns(), console=self.console, transient=True) as self._shown:
                bar = self._shown.add_task(printable(title), total=total, completed=done, info="")
                try:
                    yield Bar(self._shown, bar)
                finally:
                    self._shown = None

    def say(self, remark: str) -> None:
        """A line on stderr."""
        self.console.print(harmless(printable(remark)))


class Speed(ProgressColumn):
    """Steps a second, as far as they are known."""

    def render(self, task: Shown) -> Text:
        """The number with three digits: `1,230/s`, `4.56/s`."""
        speed = task.finished_speed or task.speed
        return Text("" if not speed else f"{speed:,.0f}/s" if speed >= 100 else f"{speed:.3g}/s")


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[info]}", markup=False),
    )
