"""The formats that a report is written in: one object each, and the only list of them.

A format is a module here, which holds its `FORMAT`, and a line in the list. Modules are light; what
a format needs is imported when it renders.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from attnaudit.errors import InputError
from attnaudit.report.formats.format import Format

_MODULES = (
    "text",
    "json",
    "markdown",
    "junit",
    "github",
    "html",
    "latex",
    "csv",
    "in_toto",
    "model_card",
)
FORMATS: tuple[Format, ...] = tuple(
    importlib.import_module(f"{__name__}.{module}").FORMAT for module in _MODULES
)


def find_format(name: str) -> Format:
    """The format called `name`, which is one of the list."""
    return next(form for form in FORMATS if form.name == name)


def format_of(path: Path) -> Format:
    """The format that a file's name asks for; JSON where the name has no ending.

    Raises InputError for an ending that is none of a format.
    """
    ending = path.suffix.lower()
    known = {form.ending: form for form in FORMATS if form.ending}
    if ending in known:
        return known[ending]
    if ending:
        raise InputError(
            f"no format has the ending {path.suffix!r}",
            where=path,
            hint=f"known: {', '.join(known)}; a name without an ending gets JSON",
        )
    return find_format("json")
