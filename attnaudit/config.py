"""YAML files read into checked settings: every mistake is named with its file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import pydantic_core
from pydantic.fields import FieldInfo

from attnaudit.errors import InputError, did_you_mean
from attnaudit.yaml_reader import Place, read_plain


class Settings(pydantic.BaseModel):
    """Base of every settings class: unknown keys, loose types, NaN and infinity are errors."""

    model_config = pydantic.ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )


S = TypeVar("S", bound=Settings)
Problem = pydantic_core.ErrorDetails


class Document:
    """A YAML mapping, with the line of each key and item and the text of each scalar.

    `texts` holds scalars as they are written: `no` and `1.0`, where `mapping` has False and 1.0.
    """

    def __init__(
        self,
        mapping: dict[str, Any],
        lines: Mapping[Place, int],
        texts: Mapping[Place, str],
        path: Path,
    ) -> None:
        self.mapping, self.lines, self.texts, self.path = mapping, lines, texts, path

    def line(self, place: Place) -> int | None:
        """The line of `place`, or of the nearest key above it."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[:-1]
        return None

    def parse(self, settings: type[S], place: Place = ()) -> S:
        """The mapping at `place` as `settings`; raises InputError naming one mistake."""
        value: Any = self.mapping
        for key in place:
            value = value[key]
        # YAML has no tuples and no paths: JSON mode reads lists and strings as those, and is
        # otherwise as strict as Python mode ("8" is no integer, 1 is no boolean).
        text = _AS_JSON.dump_json(value)
        try:
            return settings.model_validate_json(text)
        except pydantic.ValidationError as error:
            problems = error.errors(include_url=False)
            raise self._explain(settings, problems, pydantic_core.from_json(text), place) from None

    def _explain(
        self, settings: type[Settings], problems: Sequence[Problem], value: Any, place: Place
    ) -> InputError:
        """One line for the mistake that says most: an unknown key, else the deepest one.

        Of a union pydantic reports every branch, and the branch that fits best fails deepest.
        """
        for problem in (p for p in problems if p["type"] == "extra_forbidden"):
            at = _place(problem, value)
            known = _keys_at(settings, at[:-1])
            if str(at[-1]) not in {key for keys in known.values() for key in keys}:
                names = [first for first, *_ in known.values()]
                now = known.get(str(at[-1]))  # the field is called so, and files call it otherwise
                return InputError(
                    f"unknown key {_dotted(place + at)!r}",
                    where=self.path,
                    line=self.line(place + at),
                    hint=f"write {now[0]!r} instead" if now else did_you_mean(str(at[-1]), names),
                )
        ranked = [p for p in problems if p["type"] != "extra_forbidden"] or list(problems)
        worst = max(ranked, key=lambda p: (p["type"] != "missing", len(_place(p, value))))
        at = _place(worst, value)
        here = place + at
        if worst["type"] == "missing":
            return InputError(
                f"the key {_dotted(here)!r} is missing", where=self.path, line=self.line(here)
            )
        same = [p for p in ranked if _place(p, value) == at and p["type"] != "missing"]
        return InputError(
            f"{_dotted(here)}: {in_words(same)}" if here else in_words(same),
            where=self.path,
            line=self.line(here),
            hint=_hint(same),
        )


_AS_JSON = pydantic.TypeAdapter(Any, config=pydantic.ConfigDict(ser_json_inf_nan="constants"))


def _place(problem: Problem, value: Any) -> Place:
    """Where the problem is in the document: its location less the names of union branches."""
    place: list[str | int] = []
    for key in problem["loc"]:
        kind = type(value)
        if (kind is dict and key in value) or (kind is list and isinstance(key, int)):
            value = value[key]
            place.append(key)
    if problem["type"] == "missing":
        place.append(problem["loc"][-1])
    return tuple(place)


def _dotted(place: Place) -> str:
    return ".".join(str(key) for key in place)


def in_words(problems: Sequence[Problem]) -> str:
    """What the value at one place should be; several problems are branches of a union."""
    prefix = "Input should be "
    if not all(p["msg"].startswith(prefix) for p in problems):
        return problems[0]["msg"].removeprefix("Value error, ")
    wanted = " or ".join(dict.fromkeys(p["msg"].removeprefix(prefix) for p in problems))
    wanted = wanted.replace("an object", "a mapping").replace("a valid array", "a list")
    given = problems[0]["input"]
    scalar = given is None or isinstance(given, (str, int, float))
    return f"should be {wanted}" + (f", not {given!r:.60}" if scalar else "")


def _hint(problems: Sequence[Problem]) -> str | None:
    """What to do about the ways in which YAML reads a bare word."""
    for problem in problems:
        kind, given = problem["type"], problem["input"]
        if kind == "string_type" and isinstance(given, (bool, int, float)):
            return "put it in quotes"
        if kind == "bool_type" and isinstance(given, str):
            return "write true or false, without quotes"
    return None


def _keys_at(settings: type[Settings], place: Place) -> dict[str, tuple[str, ...]]:
    """The fields of the settings classes allowed at `place`, with the keys that stand for each."""
    owners = [settings]
    for key in place:
        if isinstance(key, str):
            named = [item for owner in owners for item in owner.model_fields.items()]
            fields = [field for name, field in named if key in (name, *_names(name, field))]
            owners = [n for field in fields for n in _nested(field.annotation)]
    known = [item for owner in owners for item in owner.model_fields.items()]
    return {name: _names(name, field) for name, field in known}


def _names(name: str, field: FieldInfo) -> tuple[str, ...]:
    """What a field is called in files, the usual name first."""
    if isinstance(field.validation_alias, pydantic.AliasChoices):
        return tuple(str(choice) for choice in field.validation_alias.choices)
    return (field.alias or name,)


def _nested(annotation: Any) -> list[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [s for a in getattr(annotation, "__args__", ()) for s in _nested(a)]


def read_document(path: Path) -> Document:
    """The YAML mapping in `path`; raises InputError with the line of a mistake."""
    plain = read_plain(path)
    if not isinstance(plain.value, dict):
        raise InputError(
            "does not contain a YAML mapping (lines of the form key: value)", where=path
        )
    return Document(plain.value, plain.lines, plain.texts, path)
