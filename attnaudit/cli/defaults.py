"""`attnaudit.yaml` in the working folder: defaults for what the command line leaves out.

Keys are the long names of options (`split`, `batch-tokens`) and `model` and `data`; at the top
they hold for every subcommand that has them, under a subcommand's name for that one only.

The folder may be a stranger's, and nobody names this file. So it can neither run code, nor connect
to a cluster, nor download anything, nor name a path outside its folder: all of these stand on the
command line.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from attnaudit.cli.places import leads_out
from attnaudit.config import read_document
from attnaudit.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from attnaudit.config import Document

FILE = Path("attnaudit.yaml")
# Keys that reach beyond the folder whatever their value is, with what they would do.
_REACHING = {
    "cluster": "a cluster can run code in this process",
    "config": "a configuration can name other files and models",
    "recipe": "a configuration can name other files and models",
    "revision": "this key decides what is downloaded",
}
Options = dict[str, Any]  # the parameters of a subcommand by the names that the file knows


def read_defaults(context: typer.Context) -> dict[str, dict[str, Any]]:
    """A default map: {subcommand: {parameter: value}}; empty without the file.

    Raises InputError, with file and line, for a key that no subcommand knows.
    """
    if not FILE.is_file():
        return {}
    from attnaudit.config import read_document  # only now: the file is rare, pydantic slow

    document = read_document(FILE)
    commands = {name: _options(c) for name, c in getattr(context.command, "commands", {}).items()}
    everything = {key: p for options in commands.values() for key, p in options.items()}
    defaults: dict[str, dict[str, Any]] = {name: {} for name in commands}
    sections = [  # `data` and `seed-baseline` are options too
        key
        for key, value in document.mapping.items()
        if key in commands and (isinstance(value, dict) or key not in everything)
    ]
    for key in document.mapping:
        if key not in sections:
            known = _find(document, (key,), everything, {*everything, *commands})
            for name, options in commands.items():
                if known in options:
                    parameter = options[known]
                    defaults[name][parameter.name] = _value(document, (key,), parameter)
                    _check_harmless(document, (key,), parameter, defaults[name][parameter.name])
    for name in sections:  # after the others, over which they prevail
        if not isinstance(document.mapping[name], dict):
            raise InputError(
                f"{name!r} must contain options of that subcommand",
                where=FILE,
                line=document.line((name,)),
            )
        for key in document.mapping[name]:
            parameter = commands[name][_find(document, (name, key), commands[name])]
            value = defaults[name][parameter.name] = _value(document, (name, key), parameter)
            _check_harmless(document, (name, key), parameter, value)
    return defaults


def from_file(context: typer.Context, parameter: str) -> bool:
    """Whether the value of a parameter comes from attnaudit.yaml."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "DEFAULT_MAP"


def _options(command: Any) -> Options:
    """Arguments by their name, options by their long one; an argument before its namesake."""
    found: Options = {}
    for parameter in command.params:
        for name in parameter.opts:
            if name.startswith("--") or not name.startswith("-"):
                found.setdefault(name.removeprefix("--"), parameter)
    return found


def _find(
    document: Document, place: tuple[Any, ...], options: Options, names: set[str] | None = None
) -> str:
    key = str(place[-1]).replace("_", "-")
    if key not in options:
        raise InputError(
            f"unknown key {place[-1]!r}",
            where=FILE,
            line=document.line(_written(place)),
            hint=did_you_mean(key, sorted(names or options)),
        )
    return key


def _value(document: Document, place: tuple[Any, ...], parameter: Any) -> Any:
    """The value as it would be typed on the command line; None where the file has none."""
    value: Any = document.mapping
    for key in place:
        value = value[key]
    many = bool(getattr(parameter, "multiple", False)) or parameter.nargs != 1
    here = _written(place)
    if isinstance(value, list) and many:
        return [document.texts.get((*here, i), str(item)) for i, item in enumerate(value)]
    if isinstance(value, (list, dict)):
        raise InputError(
            f"{place[-1]!r} needs one value" + (" or a list of them" if many else ""),
            where=FILE,
            line=document.line(here),
        )
    if value is None:
        return None
    text = document.texts.get(here, str(value))
    return [text] if many else text


def _check_harmless(document: Document, place: tuple[Any, ...], parameter: Any, value: Any) -> None:
    """Raise InputError for a value that only the command line may give.

    Every text is held against the rules for paths, whatever option it is for: what is no path, such
    as `mean`, passes them all the same. A part behind `=` is a path of its own, as in NAME=FILE.
    """
    for text in value if isinstance(value, list) else [value]:
        if text is None:
            continue
        why = _REACHING.get(parameter.name) or _outside(text) or _too_many(parameter.name, text)
        if why is None and parameter.name in ("model", "model_option"):
            why = _no_file(text)
        if why is None and parameter.name in ("data", "data_option"):
            why = _of_the_hub(text)
        if why is not None:
            raise InputError(
                f"{'.'.join(map(str, place))}: {text!r} is not allowed in this file: {why}",
                where=FILE,
                line=document.line(_written(place)),
                hint="give it on the command line",
            )


def _too_many(name: str, text: str) -> str | None:
    """Why a number of threads or processes would fill the machine."""
    processors = os.cpu_count() or 1
    if name in ("threads", "workers") and text.isdecimal() and int(text) > processors:
        return f"this machine has {processors} processors"
    return None


def _outside(text: str) -> str | None:
    """Why a path is not in this folder; None where it is."""
    for part in (text, *(text[at.end() :] for at in re.finditer("=", text))):
        try:
            if leads_out(part, Path.cwd()):
                return "the path leads out of this folder"
        except (OSError, ValueError):  # a null character, say
            return "this is not a path"
    return None


def _no_file(reference: str) -> str | None:
    """Why a MODEL is not a file or a folder here."""
    from attnaudit.models.references import is_hub_id, is_plugin

    if is_plugin(reference):
        return "a plug-in is code"
    if is_hub_id(reference):
        return "there is no such file here, and a model on the hub would be downloaded"
    return None


def _of_the_hub(data: str) -> str | None:
    """Why DATA would make this program download something."""
    from attnaudit.data.hub import is_hub_name
    from attnaudit.data.spec import SPEC_SUFFIXES

    path = Path(data)
    if is_hub_name(path):
        return "there is no such file, and a data set of the hub would be downloaded"
    if path.suffix.lower() in SPEC_SUFFIXES and path.is_file():
        with suppress(InputError):  # which whoever reads it for its rows names
            if "hub" in read_document(path).mapping:
                return "it is the spec of a data set of the hub, which would be downloaded"
    return None


def _written(place: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(str(key) for key in place)
