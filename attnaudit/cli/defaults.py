"""`attnaudit.yaml` in the working folder: defaults for what the command line leaves out.

Keys are the long names of options (`split`, `batch-tokens`) and `model` and `data`; at the top
they hold for every subcommand that has them, under a subcommand's name for that one only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

FILE = Path("attnaudit.yaml")


def read_defaults(context: typer.Context) -> dict[str, Any]:
    """A default map: {subcommand: {parameter: value}}; empty without the file.

    Raises InputError, with file and line, for a key that no subcommand knows.
    """
    if not FILE.is_file():
        return {}
    from attnaudit.config import read_document  # only now: the file is rare, pydantic slow
    from attnaudit.errors import InputError, did_you_mean

    document = read_document(FILE)
    commands = getattr(context.command, "commands", {})
    known = {name: _parameters(command) for name, command in commands.items()}
    everywhere = {key for keys in known.values() for key in keys}

    def check(key: str, keys: set[str], place: tuple[str, ...]) -> str:
        name = key.replace("-", "_")
        if name not in keys:
            raise InputError(
                f"unknown key {key!r}",
                where=FILE,
                line=document.line(place),
                hint=did_you_mean(key, sorted(keys | (set(known) if len(place) == 1 else set()))),
            )
        return name

    defaults: dict[str, dict[str, Any]] = {name: {} for name in known}
    for key, value in document.mapping.items():
        if key not in known:
            parameter = check(str(key), everywhere, (str(key),))
            for name, keys in known.items():
                if parameter in keys:
                    defaults[name].setdefault(parameter, value)
    for name, section in document.mapping.items():
        if name not in known:
            continue
        if not isinstance(section, dict):
            raise InputError(
                f"{name!r} must hold options of that subcommand",
                where=FILE,
                line=document.line((name,)),
            )
        for key, value in section.items():
            defaults[name][check(str(key), known[name], (name, str(key)))] = value
    return defaults


def _parameters(command: Any) -> set[str]:
    return {p.name for p in command.params if p.name and not p.name.endswith("_option")}
