"""All questions of a plan about one model and data set, in one folder; it goes on where it stopped.

The model and the data are loaded only once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from attnaudit.config import Settings
from attnaudit.execution.engines import open_engine
from attnaudit.execution.files import check_folder, output_errors, write_text
from attnaudit.execution.observer import Observer, Task
from attnaudit.execution.units import Engine
from attnaudit.findings.finding import FindingName
from attnaudit.models.load import Source
from attnaudit.models.recipe import AnyConfig
from attnaudit.models.untrained import suffix_of
from attnaudit.questions import all_questions
from attnaudit.questions.question import Earlier, Question
from attnaudit.report.combine import Combined, combine
from attnaudit.report.demands import Demands
from attnaudit.report.formats import FORMATS
from attnaudit.report.lock import Lock
from attnaudit.report.schema import dumps
from attnaudit.running.job import Job
from attnaudit.running.locking import planned_training
from attnaudit.running.plans import Plan
from attnaudit.running.run import audited_facts, make_records, run_training
from attnaudit.running.verification import Verifier
from attnaudit.running.work import Given, Work, check_site, check_trains, load_work


@dataclass(frozen=True)
class Where:
    """Where a suite computes."""

    device: str = "auto"
    threads: int = 1
    workers: int | None = 1
    cluster: str | None = None

    def job(self, model: str | Path, data: Path) -> Job:
        """The work on a model and data, of which each question has a part."""
        return Job(
            model=str(model),
            data=data,
            device=self.device,
            threads=self.threads,
            workers=self.workers,
            cluster=self.cluster,
        )


@dataclass
class Subject:
    """The model and the data of `job`, which are loaded when the first question is asked.

    Records and trained models go to `folder`; names of the latter end in `suffix`. `source` is the
    model where it is loaded already.
    """

    job: Job
    folder: Path
    suffix: str = ""
    source: Source | None = None
    _first: Work | None = field(default=None, repr=False)

    def job_of(self, question: Question) -> Job:
        """What a question works on; what stands of the same run is not made again."""
        return replace(
            self.job,
            records=self.records_of(question.name),
            reuse=True,
            models=self.folder / question.keeps if question.keeps else None,
        )

    def records_of(self, name: str) -> Path:
        """The file of the records of a question."""
        return self.folder / "records" / f"{name}.jsonl"

    def take(self, loaded: Work) -> None:
        """Use what is loaded already."""
        self._first = loaded

    def work(self, question: Question, settings: Settings, observer: Observer) -> Work:
        """The work of a question; raises InputError or ModelError, the first time for loading."""
        job = self.job_of(question)
        if self._first is None:
            given = Given(self.source)
            self._first = load_work(question, settings, job, None, observer, given)
            return self._first
        check_trains(question, job, job.label is not None)
        check_site(question, self._first.loaded)
        settled = question.maker.settle(settings, self._first.loaded.model)
        now = datetime.now(timezone.utc)
        return replace(self._first, question=question, settings=settled, job=job, started=now)


def run_suite(
    config: AnyConfig,
    plan: Plan,
    where: Where,
    demands: Demands | None,
    observer: Observer,
    command_line: Sequence[str],
    lock: Lock | None = None,
) -> Combined:
    """Train, ask every question of the plan, and combine their records into one report.

    In the output folder stand the model and `train.json`, `records/NAME.jsonl`, a folder for each
    question that keeps models, and `report.json`. What is there already of the same run is not made
    again.

    Where a plan was locked, the report says whether the run kept to it.

    Raises InputError, ModelError or OutputError.
    """
    folder = check_places(folder_of(config))
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
        task.advance(1)
        job = replace(where.job(fitted.checkpoint, fitted.data), command_line=command_line)
        ask(plan, Subject(job, folder, suffix_of(config)), engine, observer, task)
    combined = combined_of(plan, folder, demands, command_line)
    if lock is not None:
        done = planned_training(config, plan, demands)
        combined = combined.held_to(lock.facts(done, combined.report.manifest.started))
    write_text(folder / "report.json", dumps(combined.report))
    return combined


def ask(plan: Plan, subject: Subject, engine: Engine, observer: Observer, task: Task) -> None:
    """Make the records of every question of the plan; `task` advances by one for each.

    Raises InputError, ModelError or OutputError; UnfinishedError if some of the work failed.
    """
    records, verifier = subject.folder / "records", Verifier()
    with output_errors(records):
        records.mkdir(parents=True, exist_ok=True)
    for questions in _together(plan.questions):
        works = []
        for question in questions:
            works.append(subject.work(question, settings_of(plan, question, subject), observer))
            _ = works[-1].attributed
            works[-1].others.tell(observer)
        for _ in make_records(works, engine, observer, verifier, plan.deltas):
            task.advance(1)


def _together(questions: Sequence[Question]) -> list[list[Question]]:
    """The questions in the order in which they are asked; first those that can share a pass.

    Nobody builds on later ones, and these build on none.
    """
    several = [question for question in questions if question.maker.joins]
    return [several, *([question] for question in questions if question not in several)]


def combined_of(
    plan: Plan,
    folder: Path,
    demands: Demands | None,
    command_line: Sequence[str],
    takes: Mapping[FindingName, str] | None = None,
) -> Combined:
    """The report of the records in a folder; `takes` says what findings would take without any."""
    paths = [folder / "records" / f"{question.name}.jsonl" for question in plan.questions]
    shown = max(form.heatmaps for form in FORMATS)
    return combine(paths, demands, plan.deltas, command_line, shown, takes)


def folder_of(config: AnyConfig) -> Path:
    """The output folder of a configuration that `read_config` has read."""
    assert config.output is not None
    return config.output


def check_places(folder: Path) -> Path:
    """The output folder of a suite; raises OutputError where its parts could not be written."""
    kept = [question.keeps for question in all_questions() if question.keeps]
    for name in ("records", *kept):
        check_folder(folder / name)
    return folder


def settings_of(
    plan: Plan, question: Question, subject: Subject | None, left_out: Collection[str] = ()
) -> Settings:
    """The settings of a question, with what earlier ones have found that `subject` holds.

    What those that are `left_out` have found does not count.

    Raises InputError for records of an earlier question that cannot be read.
    """
    settings = plan.settings[question.name]
    if plan.text and "text" in type(settings).model_fields:
        settings = settings.model_copy(update={"text": True})
    if subject is None:
        return settings
    names = [other.name for other in plan.questions]
    earlier = names[: names.index(question.name)]
    records = {name: subject.records_of(name) for name in earlier if name not in left_out}
    return question.build_on(
        settings, Earlier(records, subject.folder / "adversaries", subject.suffix)
    )
