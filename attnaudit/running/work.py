"""An audit with all that it works on, and its work in tasks that any process can do.

A task is the number of a batch, or the run of a model to train. A worker is told by an `Order` what
to load, by path; it refuses to work where it does not see the very same weights, data and code.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue

from attnaudit.config import Settings
from attnaudit.data.aligned import Aligned
from attnaudit.data.dataset import Dataset
from attnaudit.data.loading import default_split, load_dataset, splits_of
from attnaudit.data.pieces import Pieces
from attnaudit.data.spaced import Spaced, spaced
from attnaudit.data.spec import DatasetSpec, load_spec
from attnaudit.data.store import query_counts, token_counts
from attnaudit.data.vocabulary import Vocabulary, count_unknown
from attnaudit.errors import InputError
from attnaudit.execution.code import code_digest
from attnaudit.execution.device import choose_device, choose_dtype, prepare_cpu
from attnaudit.execution.files import check_folder
from attnaudit.execution.observer import Observer, Silent
from attnaudit.execution.once import Once
from attnaudit.execution.units import Unit
from attnaudit.importance.attributed import Attribution
from attnaudit.models.asked_label import about_label
from attnaudit.models.interface import capability
from attnaudit.models.load import LoadedModel, Placement, Source, find_model
from attnaudit.models.predict import Batches
from attnaudit.models.retraining import Retraining
from attnaudit.models.token_budget import suitable_tokens
from attnaudit.questions import all_questions, find_question
from attnaudit.questions.compared import MeasuredSettings
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.no_reading import check_lengths
from attnaudit.questions.question import Question
from attnaudit.questions.recording import Ledger
from attnaudit.questions.shown import ShownSettings
from attnaudit.records.manifest import collect, versions
from attnaudit.records.schema import (
    DatasetFacts,
    Header,
    Manifest,
    ModelFacts,
    Run,
    UnknownWords,
    Verification,
    difference_between,
)
from attnaudit.running.attributions import Attributed
from attnaudit.running.job import MIN_WORDS, Job
from attnaudit.running.preparation import prepare

if TYPE_CHECKING:
    from attnaudit.report.demands import Demands

_LINES = "attnaudit.records.lines"  # how numbers are written
_DEV = "dev"

Task = int | Run  # the number of a batch, or the run of a model to train


@dataclass(frozen=True)
class Work:
    """A question with all that it works on, loaded and checked."""

    question: Question
    settings: Settings
    job: Job
    spec: DatasetSpec
    data: Dataset
    loaded: LoadedModel
    device: torch.device
    started: datetime
    observer: Observer
    others: Attributed = field(default_factory=Attributed, repr=False, compare=False)

    @cached_property
    def maker(self) -> Maker:
        """What makes its records."""
        return self.question.maker

    @property
    def conditions(self) -> dict[str, JsonValue]:
        """What decides the last digits of what the audited model answers, besides the code."""
        return {
            "packages": {**versions()},
            "device": self.device.type,
            "dtype": self.job.dtype,
            "threads": self.job.threads_each,
            "batch_tokens": self.job.tokens,
        }

    @cached_property
    def dataset(self) -> DatasetFacts:
        """What a report says of the data, with the words of it that the model does not know."""
        vocabulary = self.loaded.spec.vocabulary
        unit = "piece" if self.job.pieces else "word"
        order = _order_of(self.data, vocabulary)
        facts = dataset_facts(self.data, self.job.data, unit=unit, **order, **self._of_label)
        if isinstance(vocabulary, Pieces):
            return facts
        texts = ((instance.tokens, instance.query) for instance in self.data.instances)
        counted = UnknownWords(**asdict(count_unknown(texts, vocabulary)))
        return facts.model_copy(update={"unknown": counted})

    @property
    def _of_label(self) -> dict[str, Any]:
        """What is said of the data where one of several labels is asked about."""
        if self.job.label is None:
            return {}
        positive = sum(instance.label for instance in self.data.instances)
        called = None if self.spec.one is None else self.spec.one.called
        return {"positive": positive, "label": called}

    @cached_property
    def header(self) -> Header:
        """The header of its records while the work goes on.

        Raises, for an audit that retrains, what `retrain.prepare` does, and InputError for
        attributions that do not fit the data, for what was made of another model or other data, and
        for a reading that all texts are too long for.
        """
        _ = self.attributed
        if isinstance(self.settings, ShownSettings) and self.settings.shown.most is not None:
            check_lengths(self.settings.shown, self._lengths)
        job = self.job
        code = code_digest(f"{self.question.module}.make", __name__, _LINES)
        conditions: dict[str, JsonValue] = {"code": code, **self.conditions}
        if self.retraining is not None:
            conditions["learning"] = dict(self.retraining.recipe.origin)
        if self.choices is not None:
            conditions["choices"] = self.choices.sha256
        header = Header(
            audit=self.question.name,
            settings=self.settings.model_dump(mode="json"),
            model=ModelFacts(name=job.model, **self.loaded.facts),
            dataset=self.dataset,
            conditions=conditions,
            manifest=self.manifest(None),
        )
        self.maker.check(self.settings, header)
        return header

    def manifest(
        self, finished: datetime | None, verification: Verification | None = None
    ) -> Manifest:
        """The manifest, when the work has finished or before."""
        job = self.job
        made = collect(
            job.command_line,
            {**self.settings.model_dump(mode="json"), **_reading(job)},
            [job.seed],
            self.started,
            finished,
            self.device.type,
            job.dtype,
            job.threads,
            {
                str(self.data.path): self.data.sha256,
                job.model: str(self.loaded.facts["sha256"]),
                **{one.path: one.sha256 for one in self._attributions},
            },
        )
        return made.model_copy(update={"verification": verification})

    @cached_property
    def batches(self) -> Batches:
        """All instances; the same batches whoever works on them, and whatever is done already."""
        return replace(self.checked, budget=1) if self.maker.alone else self.checked

    @cached_property
    def checked(self) -> Batches:
        """All instances in the batches that the job asks for, in which answers are checked."""
        return Batches(
            self.data.instances,
            self.loaded.spec.vocabulary,
            self.loaded.model.boundaries,
            self.device,
            self.job.tokens,
            self.job.pieces,
            given=self.attributed,
        )

    @property
    def _lengths(self) -> NDArray[np.int64]:
        """The number of tokens of each text, as the model reads it."""
        instances = self.data.instances
        lengths, _ = self.loaded.spec.vocabulary.lengths(
            token_counts(instances), query_counts(instances), self.loaded.model.boundaries
        )
        return lengths

    @property
    def _attributions(self) -> Sequence[Attribution]:
        return self.settings.attributions if isinstance(self.settings, MeasuredSettings) else ()

    @cached_property
    def attributed(self) -> Mapping[str, Aligned]:
        """The scores that other tools made, by the name of the importance.

        Raises InputError for those that do not fit the data.
        """
        return {one.name: self.others.of(self, one) for one in self._attributions}

    @cached_property
    def choices(self) -> Dataset | None:
        """The dev texts, for a question that makes choices on them before it audits others.

        None where the data has no dev split, or it is the audited one. A limit holds for them, too.
        """
        if self.maker.stages is None or self.data.split == _DEV or _DEV not in splits_of(self.spec):
            return None
        labels, limit = self.loaded.spec.labels, self.job.limit
        return load_dataset(self.spec, _DEV, labels=labels, min_words=MIN_WORDS, limit=limit)

    @cached_property
    def retraining(self) -> Retraining | None:
        """What training other models takes; None for a question that trains none."""
        if self.maker.trains is None:
            return None
        if self.job.models is not None:
            check_folder(self.job.models)
        return prepare(self.loaded, self.spec, self.data, self.job, self.device, self.observer)

    @property
    def ledger(self) -> Ledger:
        """What its trainings are told."""
        return Ledger(
            self.data.split,
            self.job.pieces,
            self.job.models,
            self.job.resume,
            self.job.reuse,
            self.header.model.sha256,
            self.header.dataset.rows_digest,
            spaced=self._spaced,
        )

    def _spaced(self) -> Iterator[Spaced]:
        """The words of the audited texts, with the tokens between spaces that they stand on."""
        job = self.job
        return spaced(self.spec, self.data, min_words=MIN_WORDS, limit=job.limit, pieces=job.pieces)

    def perform(self, task: Task, observer: Observer, once: Once | None = None) -> list[Record]:
        """The records of one task; `once` keeps what other questions about a batch need, too."""
        if isinstance(task, int):
            assert self.maker.records is not None
            part, model = replace(self.batches.part(task), once=once), self.loaded.model
            quietly = capability(model, "quietly")
            with quietly() if quietly else nullcontext():
                parts = self.maker.records(model, part, self.settings, observer)
                return [record for records in parts for record in records]
        assert self.maker.trains is not None
        assert self.retraining is not None
        return self.maker.trains.records(
            self.retraining, self.ledger, self.settings, task, observer
        )

    def ids(self, task: Task) -> list[str]:
        """The instances that a batch holds."""
        assert isinstance(task, int)
        return [self.data.instances[i].id for i in self.batches.groups[task].tolist()]


@dataclass(frozen=True)
class Given:
    """What a caller has in memory, of which the job holds only the name that reports give it.

    `source` is a model; None: the job names one that is loaded. `rows` is the file that rows were
    written to while the work goes on; None: the job names the data.
    """

    source: Source | None = None
    rows: Path | None = None


def load_work(
    question: Question,
    settings: Settings,
    job: Job,
    demands: Demands | None,
    observer: Observer,
    given: Given | None = None,
) -> Work:
    """Load the model and the data of a job; raises InputError or ModelError."""
    (work,) = load_works([(question, settings)], job, demands, observer, given)
    return work


def load_works(
    asked: Sequence[tuple[Question, Settings]],
    job: Job,
    demands: Demands | None,
    observer: Observer,
    given: Given | None = None,
) -> list[Work]:
    """Load the model and the data of a job once, for all questions that are asked of them.

    What is `given` is not loaded. Raises InputError or ModelError.
    """
    given = given or Given()
    for question, _ in asked:
        check_of_sites(question, job)
    started = datetime.now(timezone.utc)
    prepare_cpu(job.threads_each)
    device = choose_device(job.device)
    dtype = choose_dtype(job.dtype, device)
    source = given.source or open_source(job)
    for question, _ in asked:
        check_trains(question, job, bool(source.several))
    source = about_label(source, job.label)
    spec = load_spec(given.rows or job.data, source.reading, source.limits)
    split = job.split or default_split(spec)
    spec = source.rows_in(spec, split)
    labels = source.labels_in(spec, split)
    data = load_dataset(spec, split, labels=labels, min_words=MIN_WORDS, limit=job.limit)
    if given.rows is not None:
        data = replace(data, path=job.data)
    if demands:
        demands.check(_audit_of(asked), dataset_facts(data, job.data))
    vocabulary = _train_vocabulary(spec) if source.labels is None else None
    loaded = source.load(data, vocabulary, device, dtype, job.layer, job.site)
    for question, _ in asked:
        check_site(question, loaded)
    if job.batch_tokens is None:
        texts = (data.instances, loaded.spec.vocabulary, loaded.model.boundaries, device)
        job = replace(job, batch_tokens=suitable_tokens(loaded.model, Batches(*texts)))
    others = Attributed()
    return [
        Work(
            question,
            question.maker.settle(settings, loaded.model),
            replace(job, records=job.records_of(question.name, len(asked))),
            spec,
            data,
            loaded,
            device,
            started,
            observer,
            others,
        )
        for question, settings in asked
    ]


def check_of_sites(question: Question, job: Job) -> None:
    """Raise InputError for a question of the usual site only, where the user names a site."""
    if job.site is not None and not question.of_sites:
        raise InputError(
            f"--site {job.site}: {question.name} is asked at the usual site alone",
            hint="leave --site out, or run only"
            f" {', '.join(q.name for q in all_questions() if q.of_sites)}",
        )


def open_source(job: Job) -> Source:
    """The model that a job names; raises InputError or ModelError."""
    prepare_cpu(job.threads_each)
    dtype = choose_dtype(job.dtype, choose_device(job.device))
    return find_model(
        job.model, job.seed, Placement(job.revision, dtype, job.device_map, job.prompt)
    )


def check_trains(question: Question, job: Job, several: bool) -> None:
    """Raise InputError for a question that trains models, of a model that cannot be trained alike.

    That is one that gives several labels, or a language model that is asked by prompt.
    """
    if not question.retrains:
        return
    if job.prompt is not None:
        raise InputError(
            f"{question.name} trains models anew, and a language model that is asked by prompt"
            " was trained on other things",
            where=job.model,
            hint="leave --prompt out and audit a fine-tuned classifier",
        )
    if several:
        raise InputError(
            f"{question.name} trains models, and attnaudit trains only models that give one class"
            " to a text; this one gives several labels",
            where=job.model,
            hint="leave this test out; or train a yes/no model of one label, and audit that",
        )


def check_site(question: Question, loaded: LoadedModel) -> None:
    """Raise InputError for a question that is asked of one row only, of a model of many."""
    if loaded.model.many_rows and not question.of_many_rows:
        raise InputError(
            f"{question.name} needs the one row from which an answer is read, but here the site is"
            f" {loaded.model.site}",
            hint=f"run {', '.join(q.name for q in all_questions() if q.of_many_rows)};"
            " `attnaudit explain site` says why",
        )


def _audit_of(asked: Sequence[tuple[Question, Settings]]) -> str:
    """What a report of these questions calls itself."""
    commands = {question.command for question, _ in asked}
    return commands.pop() if len(commands) == 1 else "report"


@dataclass(frozen=True)
class Order:
    """What a worker is to load, and the header that its records must be made under.

    Paths are relative to `folder`.
    """

    settings: Settings
    job: Job
    header: Header
    folder: Path

    @classmethod
    def of(cls, work: Work) -> Order:
        """The order that other processes need to do the tasks of `work`."""
        return cls(work.settings, replace(work.job, records=None), work.header, Path.cwd())

    def units(self, tasks: Iterable[Task]) -> Iterator[Unit]:
        """The tasks as units for `perform`."""
        return (Unit(unit_key(self.header, task), (self, task)) for task in tasks)


@dataclass(frozen=True)
class Result:
    """The records of a task, and what the user should hear of it."""

    records: list[Record]
    remarks: list[str] = field(default_factory=list)


class _Remarks(Silent):
    """Keeps what it is told, for the process that can show it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, remark: str) -> None:
        """Keep it."""
        self.told.append(remark)


def unit_key(header: Header, task: Task) -> str:
    """A digest of everything that the records of a task depend on."""
    told = json.dumps([header.digest, task], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def join_records(works: Sequence[Work], batch: int, observer: Observer) -> list[list[Record]]:
    """The records of one batch for several questions, for which the model answers once."""
    once = Once()
    return [work.perform(batch, observer, once) for work in works]


# A model is open for one call at a time, and a worker may have several threads.
_LOCK = threading.Lock()
_OPEN: dict[str, Work] = {}  # the works of the last orders, by the digest of each


def perform(what: tuple[Order, Task]) -> Result:
    """Do a task in this process, which loads what the order names unless it has it open.

    Raises InputError where this process sees other weights, data, packages or code.
    """
    order, task = what
    told = _Remarks()
    with _LOCK, _working_in(order.folder):
        (work,) = _open((order,), told)
        return Result(work.perform(task, told), told.told)


def perform_joined(what: tuple[Sequence[Order], int]) -> tuple[list[list[Record]], list[str]]:
    """Do one batch of several orders about the same model and data, with what the user hears.

    Raises as `perform` does.
    """
    orders, batch = what
    told = _Remarks()
    with _LOCK, _working_in(orders[0].folder):
        return join_records(_open(orders, told), batch, told), told.told


def _open(orders: Sequence[Order], told: Observer) -> list[Work]:
    """The works that are ordered, loaded together unless they are open."""
    if any(order.header.digest not in _OPEN for order in orders):
        _OPEN.clear()
        asked = [(find_question(order.header.audit), order.settings) for order in orders]
        works = load_works(asked, orders[0].job, None, told)
        for work, order in zip(works, orders, strict=True):
            difference = difference_between(work.header, order.header)
            if difference is not None:
                raise InputError(
                    f"a worker differs from this process: there {difference}",
                    hint="give all workers the same attnaudit, packages, model and data",
                )
        _OPEN.update((order.header.digest, work) for work, order in zip(works, orders, strict=True))
    return [_OPEN[order.header.digest] for order in orders]


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"a worker cannot work in this folder ({error.strerror})",
            where=folder,
            hint="run in a folder that all workers share",
        ) from None
    try:
        yield
    finally:
        os.chdir(before)


def dataset_facts(data: Dataset, source: Path, **more: Any) -> DatasetFacts:
    """What a report says of the data."""
    if data.cut is not None:
        more["cut"] = data.cut.facts
    if data.renamed:
        more["renamed"] = dict(data.renamed)
    return DatasetFacts(
        name=str(source),
        sha256=data.sha256,
        split=data.split,
        instances=len(data.instances),
        skipped=dict(data.skipped),
        truncated=data.truncated,
        partial=data.partial,
        **more,
    )


def _order_of(data: Dataset, vocabulary: Vocabulary) -> dict[str, str]:
    """How a report names the order of pairs, for a model that reads them as one sequence."""
    if not data.paired or not isinstance(vocabulary, Pieces):
        return {}
    return {
        "order": ", ".join(vocabulary.order),
        "order_given": "no" if data.order is None else "yes",
    }


def _train_vocabulary(spec: DatasetSpec) -> Vocabulary | None:
    """The words of the train split, for a model that brings none; None where there is no such."""
    if "train" not in splits_of(spec):
        return None
    return Vocabulary.count(load_dataset(spec, "train").texts())


def _reading(job: Job) -> dict[str, str | int | bool | None]:
    return {
        "split": job.split,
        "limit": job.limit,
        "unit": "piece" if job.pieces else "word",
        "batch_tokens": job.tokens,
        "verify": "all" if job.verify is None else job.verify,
        **({} if job.label is None else {"label": job.label}),
    }
