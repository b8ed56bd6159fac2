"""How the command line takes a setting, beside the setting itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """Stands in the annotation of a setting that the command line takes in its own way.

    `flag` is the name of the option; by default it is that of the setting. `metavar` stands for the
    value in the help, and `default` for a default that is no plain value. `parse` makes the value
    of the setting from the text that was given, or from all texts of an option that can be
    repeated; it raises InputError. A setting that is not `offered` is no option.
    """

    flag: str | None = None
    metavar: str | None = None
    default: str | None = None
    parse: Callable[[Any], Any] | None = None
    offered: bool = True


@dataclass(frozen=True)
class Switch:
    """An option without a value that is no setting: it decides what is asked.

    `flags` are as typer takes them, such as `--sweep` or `--this/--no-this`.
    """

    key: str
    flags: str
    default: bool
    help: str


HIDDEN = Option(offered=False)
