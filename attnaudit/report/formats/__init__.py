"""The formats that a report is written in: one object each, and the only list of them.

A format is a module here, which holds its `FORMAT`, and a line in the list. Modules are light; what
a format needs is imported when it renders.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from attnaudit.report.formats.format import Format

_MODULES = (
    "text",
    "json",
    "markdown",
    "junit",
    "github",
    "html",
)
FORMATS: tuple[Format, ...] = tuple(
    importlib.import_module(f"{__name__}.{module}").FORMAT for module in _MODULES
)


def find_format(name: str) -> Format:
    """The format called `name`, which is one of the list."""
    return next(form for form in FORMATS if form.name == name)


def format_of(path: Path) -> Format:
    """The format that a file's name asks for: JSON, unless it says otherwise."""
    ending = path.suffix.lower()
    return next((form for form in FORMATS if form.ending == ending != ""), find_format("json"))
