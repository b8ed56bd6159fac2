"""What a suite asks: its questions with their settings, from a configuration or attnaudit.yaml."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pydantic
from pydantic.fields import FieldInfo

from attnaudit.config import Document, Settings, in_words, read_document
from attnaudit.errors import InputError, did_you_mean
from attnaudit.findings.rules import Deltas
from attnaudit.models.recipe import AnyConfig, Overrides, read_config
from attnaudit.questions import all_questions
from attnaudit.questions.compared import with_attributions
from attnaudit.questions.option import key_of, option_of
from attnaudit.questions.question import Question


@dataclass(frozen=True)
class Plan:
    """What a suite asks: the questions with their settings, and the smallest effects of interest.

    `text` says that records keep the words, which heatmaps need.
    """

    settings: Mapping[str, Settings]
    deltas: Deltas
    text: bool = False

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions to ask, in the order in which they build on each other."""
        return tuple(question for question in all_questions() if question.name in self.settings)

    def with_attributions(self, files: Sequence[str]) -> Plan:
        """The same plan, with scores of other tools as further importances; raises InputError."""
        return replace(self, settings=with_attributions(self.settings, files))

    def without(self, other: Plan) -> Plan | None:
        """The questions that `other` does not ask; None where there are none."""
        left = {name: one for name, one in self.settings.items() if name not in other.settings}
        return replace(self, settings=left) if left else None


class Section(Settings):
    """The `audit:` part of a training configuration, beside a section for each subcommand."""

    skip: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    text: bool = pydantic.Field(False, description="keep the words: heatmaps need them")
    deltas: Deltas = Deltas()

    @pydantic.field_validator("skip", "also")
    @classmethod
    def _known(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        for name in named:
            if name not in _names():
                raise ValueError(f"{name!r} is none of {', '.join(sorted(_names()))}")
        return named

    @pydantic.field_validator("skip")
    @classmethod
    def _leaves_some(cls, skip: tuple[str, ...]) -> tuple[str, ...]:
        usual = (question for question in all_questions() if not question.optional)
        if all({question.name, question.command} & set(skip) for question in usual):
            raise ValueError("leaves no audit to run")
        return skip


def _names() -> set[str]:
    """What questions are called, by themselves and by their command."""
    return {name for question in all_questions() for name in (question.name, question.command)}


@cache
def section_type() -> type[Section]:
    """`Section` with a part for each subcommand, which holds what its options can say.

    Everything in it is called as the option is, with underscores or dashes.
    """
    fields: dict[str, Any] = {}
    for command in dict.fromkeys(question.command for question in all_questions()):
        given: dict[str, Any] = {}
        for question in (one for one in all_questions() if one.command == command):
            for switch in question.switches:
                given[switch.key] = (bool, _field(switch.key, switch.default))
            for name, field in question.settings.model_fields.items():
                if not option_of(field).filled:
                    forms = (field.annotation, *get_args(field.annotation))
                    many = any(get_origin(form) is tuple for form in forms)
                    how = (*field.metadata, *([_AS_TUPLE] if many else ()))
                    kind: Any = Annotated[(field.annotation, *how)] if how else field.annotation
                    given[name] = (kind, _field(key_of(name, field), field.default))
        part = pydantic.create_model(command, __base__=Settings, **given)
        fields[_attribute(command)] = (part, pydantic.Field(default_factory=part, alias=command))
    made: type[Section] = pydantic.create_model("AuditSection", __base__=Section, **fields)
    return made


def _field(key: str, default: Any) -> Any:
    names = pydantic.AliasChoices(*dict.fromkeys((key, key.replace("_", "-"))))
    return pydantic.Field(default, validation_alias=names)


def _as_tuple(value: Any) -> Any:
    """A list as pydantic wants it, or a value in place of a list of one, as options take it."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


_AS_TUPLE = pydantic.BeforeValidator(_as_tuple)


def _attribute(command: str) -> str:
    return command.replace("-", "_")


Said = Mapping[str, Any]  # the values of settings and switches that somebody gave, by name


def _plan(section: Section, document: Document) -> Plan:
    """What a section asks; raises InputError with the line of what cannot be."""

    def said(question: Question) -> Said:
        part: Settings = getattr(section, _attribute(question.command))
        return {name: getattr(part, name) for name in sorted(part.model_fields_set)}

    also = {*section.also, *section.model_fields_set}  # a section of its own asks for a test
    asked = _asked(said, section.skip, also, _Place(document, ("audit",)))
    if not asked:
        line = document.line(("audit",))
        raise InputError("audit: leaves no question", where=document.path, line=line)
    return Plan(asked, section.deltas, section.text)


def _asked(
    said: Callable[[Question], Said], skip: Collection[str], also: Collection[str], place: _Place
) -> dict[str, Settings]:
    """The questions that are asked, with their settings; `said` gives what was said of each.

    Optional ones are asked where `also` names them or their command.
    """
    asked = {}
    for question in all_questions():
        names = {question.name, question.command}
        if names & set(skip) or (question.optional and not names & set(also)):
            continue
        given = dict(said(question))
        settings = _checked(question, given, place)  # before `choose`, which may drop them
        given.update((name, getattr(settings, name)) for name in settings.model_fields_set)
        usual = {switch.key: switch.default for switch in question.switches}
        chosen = question.choose({**usual, **question.suite, **given})
        if chosen is not None:
            asked[question.name] = _checked(question, chosen, place)
    return asked


@dataclass(frozen=True)
class _Place:
    """Where settings are written down: in `document`, by subcommand below `above`."""

    document: Document | None
    above: tuple[str, ...] = ()

    def error(self, question: Question, key: str, what: str, hint: str | None) -> InputError:
        """That the setting `key` of a question is wrong, with its line."""
        document = self.document
        if document is None:
            return InputError(f"{question.command}.{key}: {what}", hint=hint)
        part: Any = document.mapping
        for name in (*self.above, question.command):
            part = part.get(name) if isinstance(part, dict) else None
        here = part if isinstance(part, dict) else {}
        written = next((one for one in here if str(one).replace("-", "_") == key), None)
        place = (*self.above, question.command, key if written is None else written)
        line = document.line(place)
        if written is None and not self.above and line is None:  # it stands at the top, for all
            top = (key.replace("_", "-"), key)
            line = next(filter(None, (document.line((name,)) for name in top)), None)
        return InputError(f"{'.'.join(place)}: {what}", where=document.path, line=line, hint=hint)


def _checked(question: Question, values: Said, place: _Place) -> Settings:
    """The settings among the values."""
    fields = question.settings.model_fields
    given = {name: value for name, value in values.items() if name in fields}
    name = ""
    try:
        for name, value in given.items():
            parse = option_of(fields[name]).parse
            given[name] = value if parse is None or value is None else parse(value)
        return question.settings.model_validate(given, strict=False)
    except InputError as error:
        what, hint = error.what, error.hint
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = str(problem["loc"][0])
        what, hint = in_words([problem]), None
    raise place.error(question, key_of(name, fields[name]), what, hint)


def plan_of(section: Mapping[str, Any]) -> Plan:
    """The plan of an `audit:` section that a program has made; raises InputError.

    It says what the section of a configuration may say: `{"permute": {"permutations": 10}}`.
    """
    document = Document({"audit": dict(section)}, {}, {}, Path("settings"))
    return _plan(document.parse(section_type(), ("audit",)), document)


def plan_of_model(
    defaults: Mapping[str, Said],
    given: Said,
    skip: Collection[str],
    file: Path | None,
    *,
    trains: bool,
    text: bool,
    also: Collection[str] = (),
) -> Plan:
    """What is asked of an existing model: everything, or with `trains` false what trains no models.

    `defaults` holds what `file`, attnaudit.yaml, says for each subcommand, by the name of the
    setting and as it would be typed. `given` stands on the command line, for every question that
    has such a setting. Questions and subcommands in `skip` are left out, and optional ones are
    asked where they stand in `also`.

    Raises InputError for a value that cannot be, or where nothing is left to ask.
    """
    for option, names in (("--skip", skip), ("--also", also)):
        for name in names:
            if name not in _names():
                hint = did_you_mean(name, _names())
                raise InputError(f"{option}: there is no test {name!r}", hint=hint)

    for question in all_questions():
        if question.optional and question.retrains and not trains and question.name in also:
            raise InputError(
                f"--also {question.name}: this test trains models",
                hint="give --train, or the --recipe that the model was trained with",
            )

    def said(question: Question) -> Said:
        fields = question.settings.model_fields
        switches = {switch.key for switch in question.switches}
        found = {
            name: _as_typed(value, name in switches)
            for name, value in defaults.get(question.command, {}).items()
            if name in switches or (name in fields and _taken(name, fields[name]))
        }
        return found | {name: value for name, value in given.items() if name in fields}

    left_out = {q.name for q in all_questions() if q.retrains and not trains}
    document = None if file is None else read_document(file)
    asked = _asked(said, {*skip, *left_out}, also, _Place(document))
    if not asked:
        raise InputError(
            "these options leave no test to run", hint="leave out fewer tests with --skip"
        )
    return Plan(asked, Deltas(), text)


# No configuration names these files; attnaudit.yaml may, which stands where the command is run.
_FILES = ("attributions",)


def _taken(name: str, field: FieldInfo) -> bool:
    """Whether the audit of a model takes a setting from what attnaudit.yaml says of a command."""
    return name in _FILES or not option_of(field).filled


def _as_typed(value: Any, switch: bool) -> Any:
    """A value of attnaudit.yaml, where a switch is on or off."""
    if isinstance(value, list):
        return tuple(value)
    return str(value).lower() in ("true", "yes", "on", "1") if switch else value


def read_plan(path: Path, overrides: Overrides) -> tuple[AnyConfig, Plan]:
    """The training configuration in `path` and the plan in it; raises InputError."""
    config = read_config(path, overrides)
    document = read_document(path)
    if document.mapping.get("audit") is None:
        return config, _plan(section_type()(), document)
    return config, _plan(document.parse(section_type(), ("audit",)), document)
