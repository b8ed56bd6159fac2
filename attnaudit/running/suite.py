"""All questions about one training configuration, into one folder, going on where they stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pydantic

from attnaudit.config import Settings, read_document
from attnaudit.errors import InputError
from attnaudit.execution.engines import open_engine
from attnaudit.execution.files import check_folder, output_errors, write_text
from attnaudit.execution.observer import Observer
from attnaudit.findings.rules import Deltas
from attnaudit.importance.choice import check_measures
from attnaudit.models.recipe import AnyConfig, Overrides, read_config
from attnaudit.models.untrained import suffix_of
from attnaudit.questions import all_questions
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

    def plan(self) -> Plan:
        """What these settings ask."""
        asked = {}
        for question in all_questions():
            if not {question.name, question.command} & set(self.skip):
                section: Settings = getattr(self, _attribute(question.command))
                given = section.model_dump(include=set(question.settings.model_fields))
                asked[question.name] = question.settings.model_validate(given, strict=False)
        return Plan(asked, self.deltas, self.text)


@cache
def section_type() -> type[Section]:
    """`Section` with the settings of every question, under the name of its subcommand."""
    fields: dict[str, Any] = {}
    for command in dict.fromkeys(question.command for question in all_questions()):
        asked = [question for question in all_questions() if question.command == command]
        kinds = tuple(question.settings for question in asked)
        kind = kinds[0] if len(kinds) == 1 else pydantic.create_model(command, __base__=kinds)
        usual = {key: value for question in asked for key, value in question.suite.items()}
        fields[_attribute(command)] = (kind, pydantic.Field(kind(**usual), alias=command))
    made: type[Section] = pydantic.create_model("AuditSection", __base__=Section, **fields)
    return made


def _attribute(command: str) -> str:
    return command.replace("-", "_")


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
        return config, section_type()().plan()
    section = document.parse(section_type(), ("audit",))
    plan = section.plan()
    for question in plan.questions:  # found now, not hours later when the question's turn comes
        try:
            check_measures(getattr(plan.settings[question.name], "measures", None) or ())
        except InputError as error:
            line = document.line(("audit", question.command, "measures"))
            raise InputError(error.what, where=path, line=line, hint=error.hint) from None
    return config, plan


def run_suite(
    config: AnyConfig,
    plan: Plan,
    where: Where,
    demands: Demands | None,
    observer: Observer,
    command_line: Sequence[str],
) -> Combined:
    """Train, ask every question of the plan, and combine their records into one report.

    In the output folder stand the model and `train.json`, `records/NAME.jsonl`, the adversaries,
    and `report.json`. What is there already of the same run is not made again.

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
            make_records(question, settings, job, engine, observer, verifier)
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
                models=folder / "adversaries",
            ),
        )


def check_places(config: AnyConfig) -> Path:
    """The output folder of a suite; raises OutputError where its parts could not be written."""
    folder = config.output
    assert folder is not None  # read_config has seen to it
    for name in ("records", "adversaries"):
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
