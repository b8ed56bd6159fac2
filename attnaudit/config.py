"""YAML files read into checked settings: every mistake is named with its file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import pydantic_core
import yaml
from pydantic.fields import FieldInfo

from attnaudit.errors import InputError, did_you_mean


class Settings(pydantic.BaseModel):
    """Base of every settings class: unknown keys, loose types, NaN and infinity are errors."""

    model_config = pydantic.ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )


S = TypeVar("S", bound=Settings)
Path_ = tuple[str | int, ...]  # a place in a YAML document: ("training", "epochs")
Problem = pydantic_core.ErrorDetails


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turns what the system says about a file that cannot be read into InputError."""
    try:
        yield
    except FileNotFoundError:
        raise InputError("no such file", where=path, hint="check the path") from None
    except IsADirectoryError:
        raise InputError("is a folder, not a file", where=path) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", where=path) from None


_MOST_BYTES = 256 << 20  # no report, policy or configuration is as large; /dev/zero is


def read_text(path: Path) -> str:
    """The text of a UTF-8 file; raises InputError for a missing file, a folder or other bytes."""
    with opening(path), path.open("rb") as stream:
        data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InputError(f"is larger than {_MOST_BYTES >> 20} MiB", where=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            "is not UTF-8 text", where=path, line=line, hint="save the file as UTF-8"
        ) from None


class Document:
    """A YAML mapping, with the line of each key and item and the text of each scalar.

    `texts` holds scalars as they are written: `no` and `1.0`, where `mapping` has False and 1.0.
    """

    def __init__(
        self,
        mapping: dict[str, Any],
        lines: Mapping[Path_, int],
        texts: Mapping[Path_, str],
        path: Path,
    ) -> None:
        self.mapping, self.lines, self.texts, self.path = mapping, lines, texts, path

    def line(self, place: Path_) -> int | None:
        """The line of `place`, or of the nearest key above it."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[:-1]
        return None

    def parse(self, settings: type[S], place: Path_ = ()) -> S:
        """The mapping at `place` as `settings`; raises InputError naming one mistake."""
        value: Any = self.mapping
        for key in place:
            value = value[key]
        try:
            # YAML has no tuples and no paths: JSON mode reads lists and strings as those, and is
            # otherwise as strict as Python mode ("8" is no integer, 1 is no boolean).
            text = _AS_JSON.dump_json(value)
        except ValueError as error:  # an anchor that holds itself, or bytes that are not text
            raise InputError(f"cannot be used as settings ({error})", where=self.path) from None
        try:
            return settings.model_validate_json(text)
        except pydantic.ValidationError as error:
            problems = error.errors(include_url=False)
            raise self._explain(settings, problems, pydantic_core.from_json(text), place) from None

    def _explain(
        self, settings: type[Settings], problems: Sequence[Problem], value: Any, place: Path_
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
                    hint=f"it is called {now[0]!r}" if now else did_you_mean(str(at[-1]), names),
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
            hint="put it in quotes" if any(_needs_quotes(p) for p in same) else None,
        )


_AS_JSON = pydantic.TypeAdapter(Any, config=pydantic.ConfigDict(ser_json_inf_nan="constants"))


def _place(problem: Problem, value: Any) -> Path_:
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


def _dotted(place: Path_) -> str:
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


def _needs_quotes(problem: Problem) -> bool:
    return problem["type"] == "string_type" and isinstance(problem["input"], (bool, int, float))


def _keys_at(settings: type[Settings], place: Path_) -> dict[str, tuple[str, ...]]:
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


class _Loader(yaml.SafeLoader):
    """SafeLoader that also reads 1e-3 and 1.5e2 as numbers, as YAML 1.2 does, and dates as text.

    Settings check their dates themselves: a date that cannot be would have no line here.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - which is how PyYAML wants it
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+\Z"),
    list("-+.0123456789"),
)


def read_document(path: Path) -> Document:
    """The YAML mapping in `path`; raises InputError with the line of a syntax error."""
    text = read_text(path)
    lines: dict[Path_, int] = {}
    texts: dict[Path_, str] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            _note(node, (), lines, texts, path)
        value = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise InputError(
            f"is not valid YAML ({error.problem})", where=path, line=mark.line + 1 if mark else None
        ) from None
    except RecursionError:
        raise InputError("is nested too deeply, or an anchor holds itself", where=path) from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"is not valid YAML ({first})", where=path) from None
    if not isinstance(value, dict):
        raise InputError("does not hold a YAML mapping (key: value lines)", where=path)
    return Document(value, lines, texts, path)


def _note(
    node: yaml.Node, place: Path_, lines: dict[Path_, int], texts: dict[Path_, str], path: Path
) -> None:
    """Note the line of every key and item below `node`, and the text of every scalar."""
    if isinstance(node, yaml.ScalarNode):
        texts[place] = node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, str(key.value))
            if here in lines:
                raise InputError(
                    f"the key {key.value!r} stands twice",
                    where=path,
                    line=key.start_mark.line + 1,
                    hint=f"first on line {lines[here]}",
                )
            lines[here] = key.start_mark.line + 1
            _note(value, here, lines, texts, path)
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            here = (*place, i)
            lines[here] = item.start_mark.line + 1
            _note(item, here, lines, texts, path)
