"""What a format is, and what it is given to show."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from attnaudit.errors import InputError, Kind

if TYPE_CHECKING:
    from attnaudit.report.combine import Combined
    from attnaudit.report.schema import Report


@dataclass(frozen=True)
class Rendering:
    """A report with all that formats show of it, and how.

    `strict`: inconclusive gates fail too. `detail` asks for the tables that are details. `asked`
    says that heatmaps were asked for. What goes to `terminal` is as wide and colourful as that
    is in `environ`; None is a file. `summary` asks a page for its first sheet alone. `digits` are
    those behind the point that were asked for; None leaves them to the format.
    """

    made: Combined
    strict: bool = False
    detail: bool = False
    asked: bool = False
    terminal: TextIO | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    summary: bool = False
    digits: int | None = None

    @property
    def report(self) -> Report:
        """The report itself."""
        return self.made.report


@dataclass(frozen=True)
class Format:
    """A way in which a report is written.

    `says` is what it is, in a sentence. `ending` is that of its files, where files have one that
    tells. `render` raises InputError where what it needs is not installed; `needs` names the extra
    that brings it, and `modules` what is then there.
    `heatmaps` is how many it shows where none are asked for. `step_summary` says that in a step of
    GitHub Actions the whole report goes to the summary of the step, beside what `render` gives.
    `tables` says that it shows the tables of a report, and `about` says more of it.
    `kind` says how a character is escaped in it that must not reach a terminal or a log as it is.
    """

    name: str
    says: str
    render: Callable[[Rendering], str]
    ending: str = ""
    needs: str = ""
    modules: tuple[str, ...] = ()
    heatmaps: int = 0
    step_summary: bool = False
    kind: Kind = "text"
    tables: bool = False
    about: str = ""

    def check(self) -> None:
        """Raise InputError now where `render` would, after long work."""
        for module in self.modules:
            if importlib.util.find_spec(module) is None:
                raise InputError(
                    f"the format {self.name} needs {module}, which is not installed",
                    hint=f'pip install "attnaudit[{self.needs}]"',
                )
