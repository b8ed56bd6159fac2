"""How a setting is given, on the command line and in files: what it is called, and how it is read.

A setting has one name wherever a user writes it: that of its option. `--lambda` is `lambda` in a
configuration and in attnaudit.yaml, whatever the field of the settings is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Option:
    """Stands in the annotation of a setting that the command line takes in its own way.

    `flag` is the name of the option; by default it is that of the setting. `metavar` stands for the
    value in the help, and `default` for a default that is no plain value. `parse` makes the value
    of the setting from the text that was given, or from all texts of an option that can be
    repeated; it raises InputError. A setting that is not `offered` is no option. One that is
    `filled` is none in a configuration either: the audit fills it in.
    """

    flag: str | None = None
    metavar: str | None = None
    default: str | None = None
    parse: Callable[[Any], Any] | None = None
    offered: bool = True
    filled: bool = False


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


def option_of(field: FieldInfo) -> Option:
    """How the setting of a field is given."""
    return next((m for m in field.metadata if isinstance(m, Option)), Option())


def key_of(name: str, field: FieldInfo) -> str:
    """What the setting is called in files, such as `lambda` or `search_steps`.

    Its option has dashes instead of underscores, and files may have them too.
    """
    return (option_of(field).flag or name).removeprefix("--").replace("-", "_")
