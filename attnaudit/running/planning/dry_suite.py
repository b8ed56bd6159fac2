"""What a training and all audits after it would do, and their time and memory.

The audits are tried out on a model of the configuration that has learned nothing, which costs the
same; whatever the trained one would be refused for is not known yet. What stands in the output
folder of the very same training and audits is left out, as it would not be made again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter, process_time

import torch

from attnaudit.config import Settings
from attnaudit.data.loading import default_split, load_dataset
from attnaudit.errors import InputError
from attnaudit.execution.device import choose_device, prepare_cpu
from attnaudit.execution.engines import open_engine
from attnaudit.execution.memory import forget_peak
from attnaudit.execution.observer import Observer, Silent
from attnaudit.execution.units import Engine
from attnaudit.models.fit import Prepared, already_made, check_output, prepare_fit
from attnaudit.models.load import LoadedModel
from attnaudit.models.passes import Passes, answering
from attnaudit.models.predict import predict
from attnaudit.models.recipe import AnyConfig
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.untrained import facts_of, suffix_of
from attnaudit.questions.maker import Record
from attnaudit.questions.question import Question
from attnaudit.records.writing import stands
from attnaudit.report.demands import Demands
from attnaudit.running.job import MIN_WORDS, Job
from attnaudit.running.planning.check import plan_check
from attnaudit.running.planning.dry_run import joint_pilot, plan_part
from attnaudit.running.planning.forecast import (
    Memory,
    notes_on_trainings,
    passes_of_training,
    sizes_of,
    span_of_training,
    trainings_of,
    whole,
)
from attnaudit.running.planning.plan import Part, Stage, WorkPlan
from attnaudit.running.planning.trial import Trial
from attnaudit.running.plans import Plan
from attnaudit.running.suite import Subject, Where, check_places, folder_of, settings_of
from attnaudit.running.work import Work, dataset_facts

MADE = "It is already in the output folder."


def plan_training(
    config: AnyConfig, device: str, threads: int, resume: bool, observer: Observer
) -> WorkPlan:
    """What `run_training` would do; raises what it would raise before its work begins."""
    begun, start_up = perf_counter(), process_time()
    prepare_cpu(threads)
    where = choose_device(device)
    memory = Memory(where)
    with tempfile.TemporaryDirectory() as scratch:
        ready = prepare_fit(config, observer, Path(scratch))
        check_output(ready, resume)
        loading = start_up + perf_counter() - begun
        memory.look()
        part = _training_part(ready, where, memory)
    job = Job(model="", data=_named_data(ready), threads=threads)
    return whole("train", job, where, [part], loading, memory, 1)


def plan_suite(
    config: AnyConfig, plan: Plan, where: Where, demands: Demands | None, observer: Observer
) -> WorkPlan:
    """What `run_suite` would do; raises what it would raise before its work begins."""
    begun, start_up = perf_counter(), process_time()
    folder = check_places(folder_of(config))
    prepare_cpu(where.threads)
    device = choose_device(where.device)
    memory = Memory(device)
    with (
        open_engine(where.workers, where.cluster, observer) as engine,
        tempfile.TemporaryDirectory() as scratch,
    ):
        ready = prepare_fit(config, observer, Path(scratch))
        check_output(ready, resume=False)
        if demands:
            split = default_split(ready.spec)
            data = load_dataset(ready.spec, split, min_words=MIN_WORDS)
            demands.check("report", dataset_facts(data, ready.source))
        loading = perf_counter() - begun
        memory.look()
        made = already_made(ready) is not None
        training = _made("train", "train") if made else _training_part(ready, device, memory)
        job = where.job(ready.checkpoint, _named_data(ready) if made else ready.source)
        subject = Subject(job, folder, suffix_of(config))
        unborn = None if made else _unborn(ready, device)

        def work_of(question: Question, settings: Settings) -> Work:
            if unborn is None:
                return subject.work(question, settings, Silent())
            return unborn(question, settings, subject.job_of(question))

        planned = plan_asking(plan, subject, work_of, loading, memory, engine, made)
        parts = [training, *planned.parts]
        job = Job(
            model=str(ready.checkpoint),
            data=_named_data(ready),
            threads=where.threads,
            workers=where.workers,
        )
        begin = start_up + loading
        return whole("audit", job, device, parts, begin, memory, engine.size, planned.check)


@dataclass(frozen=True)
class Asking:
    """What the questions of a plan would do, and the check before them, if there is any."""

    parts: list[Part]
    check: Part | None


def plan_asking(
    plan: Plan,
    subject: Subject,
    work_of: Callable[[Question, Settings], Work],
    loading: float,
    memory: Memory,
    engine: Engine,
    there: bool,
) -> Asking:
    """What `ask` would do with an engine; `there` says that the model exists already."""
    works, to_make = list[Work](), set[str]()
    for question in plan.questions:
        settings = _settings(plan, question, subject, to_make)
        work = work_of(question, settings)
        works.append(work)
        assert work.job.records is not None
        if not there or stands(work.job.records, work.header) != "whole":
            to_make.add(question.name)
    wanted = [work for work in works if work.question.name in to_make]
    check = plan_check(wanted[0]) if wanted else None
    piloted, parts = joint_pilot(wanted), list[Part]()
    for work in works:
        if work.question.name not in to_make:
            parts.append(_made(work.question.name, work.data.split))
            continue
        asked = [other.name for other in plan.questions]
        alike = work.maker.alike(work.settings, asked)
        parts.append(plan_part(work, engine, loading, memory, piloted, alike, asked))
    return Asking(parts, check)


def _named_data(ready: Prepared) -> Path:
    """The data set as a report names it: what the training writes stands in the output folder."""
    data, split = ready.config.data, ready.config.split
    if isinstance(data, Path) and split is None:
        return data
    return ready.checkpoint.parent / ready.source.name


def _settings(
    plan: Plan, question: Question, subject: Subject, to_make: Collection[str]
) -> Settings:
    """The settings of an audit, with what earlier ones have found as far as they have run.

    What other settings, models or data have left of those that are `to_make` says nothing.
    """
    try:
        return settings_of(plan, question, subject, to_make)
    except InputError:
        return settings_of(plan, question, None)


def _unborn(ready: Prepared, device: torch.device) -> Callable[[Question, Settings, Job], Work]:
    """The works of audits on a model that is still to be trained: on an untrained one."""
    config, spec = ready.config, ready.spec
    model = ready.blank.fresh(config.training.seed).to(device).eval().requires_grad_(False)
    facts = {**facts_of(config, model), "sha256": None, "labels": list(ready.told.labels)}
    data = load_dataset(spec, default_split(spec), labels=ready.told.labels, min_words=MIN_WORDS)
    loaded = LoadedModel(model, ready.told, facts, config)
    now = datetime.now(timezone.utc)

    def work(question: Question, settings: Settings, job: Job) -> Work:
        settled = question.maker.settle(settings, model)
        return Work(question, settled, job, spec, data, loaded, device, now, Silent())

    return work


def _made(name: str, split: str) -> Part:
    return Part(name=name, split=split, instances=0, batches=0, passes=Passes(), notes=(MADE,))


def _training_part(ready: Prepared, device: torch.device, memory: Memory) -> Part:
    schedule, blank, sizes = ready.config.training, ready.blank, sizes_of(ready.splits)
    base = blank.fresh(schedule.seed).to(device).eval().requires_grad_(False)
    recipe = Trainable(blank.fresh, blank.probe, schedule)
    real = Retraining(base, ready.told, recipe, ready.splits, device)
    scored = [split for split in ready.splits if split != "train"]
    forget_peak(device)
    trial = Trial(real)

    def learn(observer: Observer) -> list[Record]:
        model = trial.fresh(schedule.seed)
        trial.learn(model, schedule.seed, observer, "train")
        for split in scored:
            predict(model, trial.batches(split))
        return []

    found = trial.time(learn, scored)
    memory.look()
    training = trainings_of("model", 1, schedule, sizes["train"])
    passes = passes_of_training(training, schedule, sizes)
    passes += answering(sum(sizes[split] for split in scored))
    return Part(
        name="train",
        split="train",
        instances=sizes["train"],
        batches=training.steps,
        passes=passes,
        trainings=(training,),
        stages=(Stage(name="training", seconds=span_of_training(found, training)),),
        notes=tuple(notes_on_trainings([training])),
    )
