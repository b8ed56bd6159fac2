"""All questions about one training configuration, into one folder, going on where they stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pydantic

from attnaudit.config import Document, Settings, in_words, read_document
from attnaudit.errors import InputError
from attnaudit.execution.engines import open_engine
from attnaudit.execution.files import check_folder, output_errors, write_text
from attnaudit.execution.observer import Observer
from attnaudit.findings.rules import Deltas
from attnaudit.models.recipe import AnyConfig, Overrides, read_config
from attnaudit.models.untrained import suffix_of
from attnaudit.questions import all_questions
from attnaudit.questions.option import key_of, option_of
from attnaudit.questions.question import Earlier, Question
from attnaudit.report.combine import Combined, combine
from attnaudit.report.demands import Demands
from attnaudit.report.formats import FORMATS
from attnaudit.report.schema import dumps
from attnaudit.running.job import Job
from attnaudit.running.run import audited_facts, make_records, run_training
from attnaudit.running.verification import Verifier


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


class Section(Settings):
    """The `audit:` part of a training configuration, beside a section for each subcommand."""

    skip: tuple[str, ...] = ()
    text: bool = pydantic.Field(False, description="keep the words: heatmaps need them")
    deltas: Deltas = Deltas()

    @pydantic.field_validator("skip")
    @classmethod
    def _known(cls, skip: tuple[str, ...]) -> tuple[str, ...]:
        known = {name for question in all_questions() for name in (question.name, question.command)}
        for name in skip:
            if name not in known:
                raise ValueError(f"{name!r} is none of {', '.join(sorted(known))}")
        if all({question.name, question.command} & set(skip) for question in all_questions()):
            raise ValueError("leaves no audit to run")
        return skip


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


def _plan(section: Section, document: Document) -> Plan:
    """What a section asks; raises InputError with the line of what cannot be."""
    asked = {}
    for question in all_questions():
        if {question.name, question.command} & set(section.skip):
            continue
        part: Settings = getattr(section, _attribute(question.command))
        said = {name: getattr(part, name) for name in sorted(part.model_fields_set)}
        settings = _checked(question, said, document)  # before `choose`, which may drop them
        said.update((name, getattr(settings, name)) for name in settings.model_fields_set)
        usual = {switch.key: switch.default for switch in question.switches}
        chosen = question.choose({**usual, **question.suite, **said})
        if chosen is not None:
            asked[question.name] = _checked(question, chosen, document)
    if not asked:
        line = document.line(("audit",))
        raise InputError("audit: leaves nothing to ask", where=document.path, line=line)
    return Plan(asked, section.deltas, section.text)


def _checked(question: Question, values: Mapping[str, Any], document: Document) -> Settings:
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
    key = key_of(name, fields[name])
    part = (document.mapping.get("audit") or {}).get(question.command) or {}
    written = next((one for one in part if str(one).replace("-", "_") == key), key)
    place = ("audit", question.command, written)
    raise InputError(
        f"{'.'.join(place)}: {what}", where=document.path, line=document.line(place), hint=hint
    )


@dataclass(frozen=True)
class Where:
    """Where a suite computes."""

    device: str = "auto"
    threads: int = 1
    workers: int = 1
    cluster: str | None = None


def read_plan(path: Path, overrides: Overrides) -> tuple[AnyConfig, Plan]:
    """The training configuration in `path` and the plan in it; raises InputError."""
    config = read_config(path, overrides)
    document = read_document(path)
    if document.mapping.get("audit") is None:
        return config, _plan(section_type()(), document)
    return config, _plan(document.parse(section_type(), ("audit",)), document)


def plan_of(section: Mapping[str, Any]) -> Plan:
    """The plan of an `audit:` section that a program has made; raises InputError.

    It says what the section of a configuration may say: `{"permute": {"permutations": 10}}`.
    """
    document = Document({"audit": dict(section)}, {}, {}, Path("settings"))
    return _plan(document.parse(section_type(), ("audit",)), document)


def run_suite(
    config: AnyConfig,
    plan: Plan,
    where: Where,
    demands: Demands | None,
    observer: Observer,
    command_line: Sequence[str],
) -> Combined:
    """Train, ask every question of the plan, and combine their records into one report.

    In the output folder stand the model and `train.json`, `records/NAME.jsonl`, a folder for each
    question that keeps models, and `report.json`. What is there already of the same run is not made
    again.

    Raises InputError, ModelError or OutputError.
    """
    folder = check_places(config)
    with (
        open_engine(where.workers, where.cluster, observer) as engine,
        observer.task("audit", 1 + len(plan.questions)) as task,
    ):
        fitted, report = run_training(
            config, where.device, where.threads, observer, True, command_line, reuse=True
        )
        if demands:
            demands.check("report", audited_facts(fitted.data))
        write_text(folder / "train.json", dumps(report))
        records, verifier = folder / "records", Verifier()
        with output_errors(records):
            records.mkdir(exist_ok=True)
        task.advance(1)
        for question, job in jobs_of(plan, where, folder, (fitted.checkpoint, fitted.data)):
            job = replace(job, command_line=command_line)
            settings = settings_of(plan, question, folder, suffix_of(config))
            make_records(question, settings, job, engine, observer, verifier, plan.deltas)
            task.advance(1)
    paths = [records / f"{question.name}.jsonl" for question in plan.questions]
    shown = max(form.heatmaps for form in FORMATS)
    combined = combine(paths, demands, plan.deltas, command_line, shown)
    write_text(folder / "report.json", dumps(combined.report))
    return combined


def jobs_of(
    plan: Plan, where: Where, folder: Path, subject: tuple[Path, Path]
) -> Iterator[tuple[Question, Job]]:
    """What each question of a suite works on; `subject` is the model and the data."""
    model, data = subject
    for question in plan.questions:
        yield (
            question,
            Job(
                model=str(model),
                data=data,
                device=where.device,
                threads=where.threads,
                workers=where.workers,
                cluster=where.cluster,
                records=folder / "records" / f"{question.name}.jsonl",
                reuse=True,
                models=folder / question.keeps if question.keeps else None,
            ),
        )


def check_places(config: AnyConfig) -> Path:
    """The output folder of a suite; raises OutputError where its parts could not be written."""
    folder = config.output
    assert folder is not None  # read_config has seen to it
    kept = [question.keeps for question in all_questions() if question.keeps]
    for name in ("records", *kept):
        check_folder(folder / name)
    return folder


def settings_of(plan: Plan, question: Question, folder: Path | None, suffix: str) -> Settings:
    """The settings of a question, with what earlier ones have found that stand in `folder`.

    Raises InputError for records of an earlier question that cannot be read.
    """
    settings = plan.settings[question.name]
    if plan.text and "text" in type(settings).model_fields:
        settings = settings.model_copy(update={"text": True})
    if folder is None:
        return settings
    names = [other.name for other in plan.questions]
    earlier = names[: names.index(question.name)]
    records = {name: folder / "records" / f"{name}.jsonl" for name in earlier}
    return question.build_on(settings, Earlier(records, folder / "adversaries", suffix))
