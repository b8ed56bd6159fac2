"""An existing model, audited into one folder: all that trains no models, and the rest if asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from attnaudit.errors import InputError
from attnaudit.execution.engines import open_engine
from attnaudit.execution.files import write_text
from attnaudit.execution.observer import Observer
from attnaudit.models.fit import say_cut
from attnaudit.models.load import Source
from attnaudit.models.recipe import Overrides, read_config
from attnaudit.models.untrained import suffix_of
from attnaudit.questions import all_questions
from attnaudit.questions.opening import open_records
from attnaudit.records.schema import Header
from attnaudit.report.combine import COMBINED, Combined
from attnaudit.report.demands import Demands
from attnaudit.report.listing import listed
from attnaudit.report.lock import Lock
from attnaudit.report.schema import dumps
from attnaudit.running.job import Job
from attnaudit.running.locking import planned_model
from attnaudit.running.plans import Plan
from attnaudit.running.suite import Subject, ask, check_places, combined_of, settings_of
from attnaudit.running.work import Work, load_work

_LONGEST = 100  # characters of a folder's name
UNNAMED = ("model", "data", "checkpoint", "best", "final", "")  # names that tell models not apart


@dataclass(frozen=True)
class Existing:
    """A model and data, what is asked of them, and the folder for what is found.

    `job` says what to load and where to compute. `beyond` are the questions that train models and
    are not asked; the report says what they would take. None where they are asked. `source` is the
    model where it is loaded already.
    """

    job: Job
    plan: Plan
    beyond: Plan | None
    folder: Path
    source: Source | None = None

    def subject(self) -> Subject:
        """The model and the data, not loaded yet; raises InputError for a recipe that is none."""
        job, suffix = self.job, ".pt"
        if job.recipe is not None:
            suffix = suffix_of(read_config(job.recipe, Overrides(data=job.data)))
        elif Path(job.model).is_dir():
            suffix = ""
        return Subject(job, self.folder, suffix, self.source)


def run_existing(
    asked: Existing, demands: Demands | None, observer: Observer, lock: Lock | None = None
) -> Combined:
    """Load once, ask every question of the plan, and combine their records into one report.

    In the folder stand `records/NAME.jsonl`, `report.json` and, where models are trained, a folder
    for each question that keeps them. What is there of the same run is not made again. Findings
    that nothing was asked for say what they would take; that stands in `estimate.json`, and is
    estimated once.

    Raises InputError, ModelError or OutputError; InputError too for a folder that holds the audit
    of another model or data set.
    """
    from attnaudit.running.planning.taking import what_findings_take  # which plans by this module

    job = asked.job
    with (
        open_engine(job.workers, job.cluster, observer) as engine,
        observer.task("audit", len(asked.plan.questions) + (asked.beyond is not None)) as task,
    ):
        subject = asked.subject()
        asked, first = begin(asked, subject, demands, observer)
        plan = asked.plan
        ask(plan, subject, engine, observer, task)
        takes = {}
        if asked.beyond is not None:
            takes = what_findings_take(asked, first, engine, observer)
            task.advance(1)
    made = combined_of(plan, asked.folder, demands, job.command_line, takes)
    if lock is not None:
        done = planned_model(first, plan, demands)
        made = made.held_to(lock.facts(done, made.report.manifest.started))
    write_text(asked.folder / "report.json", dumps(made.report))
    return made


def begin(
    asked: Existing, subject: Subject, demands: Demands | None, observer: Observer
) -> tuple[Existing, Work]:
    """The first work of `subject`, after all has been refused that can be before any work.

    A recipe that does not fit is found now, not after hours. Beside it stands what is asked: of a
    model whose head reads many rows, without the questions that are asked of one row.
    """
    check_places(asked.folder)
    asked = _of_its_rows(asked, subject, observer)
    plan = asked.plan
    works = [
        subject.work(question, settings_of(plan, question, None), observer)
        for question in plan.questions
    ]
    first = works[0]
    say_cut(first.data, observer)
    for work in works:
        _ = work.attributed
        work.others.tell(observer)
    if demands:
        commands = {question.command for question in plan.questions}
        demands.check(COMBINED if len(commands) > 1 else commands.pop(), first.dataset)
    training = next((work for work in works if work.question.retrains), first)
    _check_folder(asked, training.header)
    return asked, first


def _of_its_rows(asked: Existing, subject: Subject, observer: Observer) -> Existing:
    """What is asked, as far as a model can be asked it whose head may read many rows.

    Raises InputError where models are to be trained, or where nothing is left.
    """
    plan = asked.plan
    question = next((q for q in plan.questions if q.of_many_rows), plan.questions[0])
    loaded = subject.work(question, settings_of(plan, question, None), observer).loaded
    if not loaded.model.many_rows:
        return asked
    others = [q.name for q in plan.questions if not q.of_many_rows]
    if any(q.retrains for q in plan.questions):
        raise InputError(
            f"the tests that train models are of the one row that an answer is read from, and here"
            f" it is {loaded.model.site}",
            where=asked.job.model,
            hint="leave --train and --recipe out",
        )
    if not others:
        return asked
    observer.say(
        f"left out: {listed(others)}. The site is {loaded.model.site}, and that is asked of one row"
    )
    left = {name: one for name, one in plan.settings.items() if name not in others}
    return replace(asked, plan=replace(plan, settings=left))


def _check_folder(asked: Existing, header: Header) -> None:
    """Raise InputError for a folder whose content must not be lost or would change the model."""
    folder = asked.folder
    if folder.resolve() == Path(asked.job.model).resolve():
        raise InputError(
            "is the model's own folder", where=folder, hint="give another folder with --output"
        )
    for question in all_questions():
        path = folder / "records" / f"{question.name}.jsonl"
        if path.is_file():
            try:
                there = open_records(path).header
            except InputError:
                continue  # it is made again
            other = _other(there, header)
            if other is not None:
                raise InputError(
                    f"holds {other}", where=folder, hint="give another folder with --output"
                )


def _other(there: Header, here: Header) -> str | None:
    """What the records that are there are of, where they are not of this model and data."""
    if there.model.sha256 != here.model.sha256:
        return f"the audit of another model, {there.model.name}"
    if there.model.label != here.model.label:
        return f"the audit of another label, {there.model.label}"
    ours, theirs = here.dataset, there.dataset
    if theirs.rows_digest != ours.rows_digest:
        return f"an audit on other data, {theirs.name}"
    if theirs.split != ours.split:
        return f"an audit of another split, {theirs.split}"
    if ours.partial and not theirs.partial:
        return "an audit of all rows, and --limit would replace it by an audit of some rows"
    return None


def default_folder(reference: str, label: str | None = None) -> Path:
    """Where the audit of a model goes if nobody says: a folder here that has the model's name.

    The audit of one label goes where that of all labels would put it.
    """
    path = Path(reference.replace(":", "/"))
    names = [path.stem if path.suffix == ".pt" else path.name, *(p.name for p in path.parents)]
    resolved = Path(reference).resolve()
    names += [resolved.name, resolved.parent.name]
    name = next((n for n in names if n.lower() not in UNNAMED and n not in (".", "..")), "model")
    folder = Path(f"{folder_name(name)}-audit")
    return folder if label is None else folder / folder_name(label)


def folder_name(name: str) -> str:
    """The name without what some systems do not take in the name of a folder, and not too long."""
    return re.sub("[^A-Za-z0-9._-]", "_", name)[:_LONGEST]


def whole_data(asked: Existing, first: Work, observer: Observer) -> Subject:
    """A subject that stands for all rows, whatever the limit of the audit: nothing goes there."""
    job = replace(asked.job, limit=None, records=None, models=None)
    subject = Subject(job, asked.folder, asked.subject().suffix)
    subject.take(
        first
        if first.job.limit is None
        else load_work(first.question, first.settings, job, None, observer)
    )
    return subject
