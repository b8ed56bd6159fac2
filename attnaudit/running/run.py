"""From MODEL and DATA to a report, the same way for every audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

from attnaudit.config import Settings
from attnaudit.data.loading import default_split, load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.execution.device import choose_device, prepare_cpu
from attnaudit.execution.engines import open_engine
from attnaudit.execution.files import sha256_path
from attnaudit.execution.observer import Observer
from attnaudit.execution.units import Engine
from attnaudit.findings.rules import Deltas
from attnaudit.models.fit import Fitted, fit, say_cut
from attnaudit.models.recipe import AnyConfig
from attnaudit.questions.question import Question
from attnaudit.records.manifest import collect
from attnaudit.records.schema import DatasetFacts, ModelFacts
from attnaudit.records.writing import RecordsWriter, stands
from attnaudit.report.build import build_report
from attnaudit.report.combine import Combined, joined
from attnaudit.report.demands import Demands, held
from attnaudit.report.rebuild import Part
from attnaudit.report.schema import Report
from attnaudit.report.wording import unknown_words as in_words
from attnaudit.running.carry import record, record_joined
from attnaudit.running.job import MIN_WORDS, Job
from attnaudit.running.verification import Verifier, verify
from attnaudit.running.viewer import Viewer
from attnaudit.running.work import Given, Work, dataset_facts, load_works


def run_questions(
    asked: Sequence[tuple[Question, Settings]],
    job: Job,
    demands: Demands | None,
    observer: Observer,
    viewer: Viewer | None = None,
) -> Report:
    """The report of `ask_questions` alone."""
    return ask_questions(asked, job, demands, observer, viewer).report


def ask_questions(
    asked: Sequence[tuple[Question, Settings]],
    job: Job,
    demands: Demands | None,
    observer: Observer,
    viewer: Viewer | None = None,
    given: Given | None = None,
) -> Combined:
    """Load once, and for each question record and summarise; the report is of the records alone.

    This is what the commands and the Python interface do. What is `given` in memory is not loaded.
    A `viewer` is shown the records with the data. After an interruption the records made so far
    stand in `<records>.partial`, where `resume` finds them.

    Raises InputError, ModelError or OutputError; UnfinishedError if some of the work failed.
    """
    parts: list[Part] = []
    files: dict[str, str] = {}
    with open_engine(job.workers, job.cluster, observer) as engine, ExitStack() as open_files:
        works = load_works(asked, job, demands, observer, given)
        for work in works:
            _ = work.header  # what is refused is refused before any work
            work.others.tell(observer)
        verification = verify(works[0], observer)
        say_cut(works[0].data, observer)
        _say_what_is_unknown(works[0], observer)
        data = works[0].data
        chooser = viewer.chooser(data, job.pieces) if viewer else None
        opened = [(work, open_files.enter_context(_writer(work, job.resume))) for work in works]
        _join(opened, engine, observer)
        for work, writer in opened:
            record(work, writer, engine, observer)
            records = writer.records()
            if chooser:
                records = chooser.watch(
                    work.question,
                    data.split,
                    writer,
                    records,
                    getattr(work.settings, "reading", None),
                )
            summary = work.question.summarise(records, work.settings, data.labels)
            writer.finish(work.manifest(datetime.now(timezone.utc), verification))
            parts.append(Part.of(writer.header, summary, writer.digest))
            if writer.digest is not None:
                files[str(writer.path)] = writer.digest
        if viewer and chooser:
            viewer.look(chooser, data)
    whole = joined(parts, files, command_line=job.command_line)
    report = held(whole.report, whole.columns, demands)
    return Combined(report, whole.parts, viewer.gallery if viewer else None)


def _say_what_is_unknown(work: Work, observer: Observer) -> None:
    """Tell of words that a user's own model does not know; other models bring their words."""
    unknown = work.dataset.unknown
    if work.loaded.facts["kind"] != "plugin" or unknown is None or not unknown.occurrences:
        return
    advice = ""
    if work.loaded.model.vocabulary is None:
        advice = "; it uses the words of the data, unless it has its own as `vocabulary`"
    observer.say(f"{work.job.model} does not know {in_words(unknown)}{advice}")


def make_records(
    works: Sequence[Work],
    engine: Engine,
    observer: Observer,
    verifier: Verifier,
    deltas: Deltas | None = None,
) -> Iterator[Work]:
    """Make the records of questions, and leave them alone; what is there of the same run is kept.

    Gives each work when its records are finished. Those that can be are made in one pass over the
    data. `verifier` knows what was checked for other questions about the same model and data.
    `deltas` are the smallest effects of interest, by which seeds that grow are enough.

    Raises InputError, ModelError or OutputError; UnfinishedError if some of the work failed.
    """
    with ExitStack() as open_files:
        opened = {}
        for work in works:
            assert work.job.records is not None
            if stands(work.job.records, work.header) != "whole":
                verifier.verify(work, observer)
                opened[work.question.name] = open_files.enter_context(_writer(work, True))
        wanted = [work for work in works if work.question.name in opened]
        _join([(work, opened[work.question.name]) for work in wanted], engine, observer)
        for work in works:
            if writer := opened.get(work.question.name):
                record(work, writer, engine, observer, deltas)
                verification = verifier.verify(work, observer)
                writer.finish(work.manifest(datetime.now(timezone.utc), verification))
            yield work


def _writer(work: Work, resume: bool) -> RecordsWriter:
    return RecordsWriter(work.job.records, work.header, resume, work.question.kind)


def _join(opened: Sequence[tuple[Work, RecordsWriter]], engine: Engine, observer: Observer) -> None:
    """Record in one pass what can be; see `record_joined`."""
    several = [(work, writer) for work, writer in opened if work.maker.joins]
    if len(several) > 1:
        record_joined(several, engine, observer)


def run_training(
    config: AnyConfig,
    device: str,
    threads: int,
    observer: Observer,
    resume: bool,
    command_line: Sequence[str],
    reuse: bool = False,
) -> tuple[Fitted, Report]:
    """Train, and report on it: scores on dev and, where there is one, on test.

    With `reuse` a model that stands there and was trained just so is not trained again, and what
    another training has left is no obstacle.
    """
    started = datetime.now(timezone.utc)
    prepare_cpu(threads)
    where = choose_device(device)
    fitted = fit(config, where, observer, resume, reuse)
    settings = config.model_dump(mode="json", exclude={"output", "audit"})
    digest = sha256_path(fitted.checkpoint)
    manifest = collect(
        command_line,
        settings,
        [config.training.seed],
        started,
        datetime.now(timezone.utc),
        where.type,
        "float32",
        threads,
        {str(fitted.dataset.path): fitted.dataset.sha256, str(fitted.checkpoint): digest},
    )
    data = fitted.dataset
    report = build_report(
        "train",
        fitted.summary,
        model=ModelFacts(name=str(fitted.checkpoint), sha256=digest, labels=list(data.labels)),
        dataset=dataset_facts(data, fitted.data),
        settings=settings,
        manifest=manifest,
        gates=[],
    )
    return fitted, report


def audited_facts(source: Path) -> DatasetFacts:
    """What an audit of the default split of the data set in `source` will say of it."""
    spec = load_spec(source)
    return dataset_facts(load_dataset(spec, default_split(spec), min_words=MIN_WORDS), source)
