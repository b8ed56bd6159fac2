"""From MODEL and DATA to a report, the same way for every audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import torch

from attnaudit.audits.audit import Audit
from attnaudit.audits.job import MIN_WORDS, Job
from attnaudit.audits.rebuild import report_of
from attnaudit.audits.retrain import prepare
from attnaudit.audits.runs import Ledger
from attnaudit.audits.viewer import Viewer
from attnaudit.config import Settings
from attnaudit.data.dataset import Dataset, default_split, load_dataset, splits_of
from attnaudit.data.spec import DatasetSpec, load_spec
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.device import DTYPES, choose_device, use_threads
from attnaudit.execution.files import check_folder, sha256_path
from attnaudit.execution.observer import Observer
from attnaudit.models.fit import Fitted, fit
from attnaudit.models.load import LoadedModel, Placement, find_model
from attnaudit.models.predict import Batches
from attnaudit.models.recipe import AnyConfig
from attnaudit.report.build import build_report
from attnaudit.report.demands import Demands
from attnaudit.report.findings.assess import assess
from attnaudit.report.findings.evidence import gather
from attnaudit.report.findings.rules import Deltas
from attnaudit.report.manifest import collect
from attnaudit.report.records import Header, RecordsWriter, stands
from attnaudit.report.schema import DatasetFacts, Manifest, ModelFacts, Report


@dataclass(frozen=True)
class _Work:
    """An audit with all that it works on, loaded and checked."""

    audit: Audit
    settings: Settings
    job: Job
    spec: DatasetSpec
    data: Dataset
    loaded: LoadedModel
    device: torch.device
    started: datetime

    @property
    def header(self) -> Header:
        """The header of its records while the work goes on."""
        return Header(
            audit=self.audit.name,
            settings=self.settings.model_dump(mode="json"),
            model=_model_facts(self.loaded, self.job),
            dataset=_dataset_facts(
                self.data, self.job.data, unit="piece" if self.job.pieces else "word"
            ),
            manifest=self.manifest(None),
        )

    def manifest(self, finished: datetime | None) -> Manifest:
        """The manifest, when the work has finished or before."""
        job = self.job
        return collect(
            job.command_line,
            {**self.settings.model_dump(mode="json"), **_reading(job)},
            [job.seed],
            self.started,
            finished,
            self.device.type,
            job.dtype,
            job.threads,
            {str(self.data.path): self.data.sha256, job.model: str(self.loaded.facts["sha256"])},
        )

    @property
    def retrains(self) -> bool:
        """Whether it trains models."""
        return self.audit.runs is not None and self.audit.retrains(self.settings)

    def record(self, writer: RecordsWriter, resume: bool, observer: Observer) -> None:
        """Make the records that `writer` lacks."""
        retraining = None
        if self.retrains:
            if self.job.models is not None:
                check_folder(self.job.models)
            retraining = prepare(self.loaded, self.spec, self.data, self.job, self.device, observer)
        if self.audit.records:
            for batch in self.audit.records(
                self.loaded.model, self._missing(writer), self.settings, observer
            ):
                writer.write(batch)
        if self.audit.runs and retraining:
            ledger = Ledger(
                writer.done_in,
                self.data.split,
                self.job.pieces,
                self.job.models,
                writer.records,
                resume,
                self.job.reuse,
                writer.header.model.sha256,
                writer.header.dataset.sha256,
            )
            for batch in self.audit.runs(retraining, ledger, self.settings, observer):
                writer.write(batch)

    def _missing(self, writer: RecordsWriter) -> Batches:
        return Batches(
            [i for i in self.data.instances if i.row not in writer.done],
            self.loaded.spec.vocabulary,
            self.loaded.model.boundaries,
            self.device,
            self.job.batch_tokens,
            self.job.pieces,
        )


def _load(audit: Audit, settings: Settings, job: Job, demands: Demands | None) -> _Work:
    started = datetime.now(timezone.utc)
    use_threads(job.threads)
    device, dtype = choose_device(job.device), DTYPES[job.dtype]
    source = find_model(job.model, job.seed, Placement(job.revision, dtype, job.device_map))
    spec = load_spec(job.data, source.reading, source.limits)
    split = job.split or default_split(spec)
    labels = source.labels_in(spec, split)
    data = load_dataset(spec, split, labels=labels, min_words=MIN_WORDS, limit=job.limit)
    if demands:
        demands.check(audit.name, _dataset_facts(data, job.data))
    vocabulary = _train_vocabulary(spec) if source.labels is None else None
    loaded = source.load(data, vocabulary, device, dtype)
    settled = audit.settle(settings, loaded.model)
    return _Work(audit, settled, job, spec, data, loaded, device, started)


def run_audit(
    audit: Audit,
    settings: Settings,
    job: Job,
    demands: Demands | None,
    observer: Observer,
    viewer: Viewer | None = None,
) -> Report:
    """Load, audit, summarise; the report is computed from the records alone.

    A `viewer` is shown the records with the data. After an interruption the records made so far
    stand in `<records>.partial`, where `resume` finds them.

    Raises InputError, ModelError or OutputError.
    """
    work = _load(audit, settings, job, demands)
    with RecordsWriter(job.records, work.header, job.resume) as writer:
        work.record(writer, job.resume, observer)
        summary = audit.summarise(writer.records(), work.settings, work.data.labels)
        findings = None
        if work.retrains:
            findings = assess(gather([(writer.header, writer.records())]), Deltas())
        if viewer:
            viewer.look(writer.records, work.data, job.pieces)
        writer.finish(work.manifest(datetime.now(timezone.utc)))
    return report_of(writer.header, summary, demands, findings)


def make_records(audit: Audit, settings: Settings, job: Job, observer: Observer) -> None:
    """Load and audit, and leave the records alone; what is there of the same run is kept.

    Raises InputError, ModelError or OutputError.
    """
    work = _load(audit, settings, job, None)
    assert job.records is not None
    header = work.header
    left = stands(job.records, header)
    if left == "whole":
        return
    resume = left == "partial"
    with RecordsWriter(job.records, header, resume) as writer:
        work.record(writer, resume, observer)
        writer.finish(work.manifest(datetime.now(timezone.utc)))


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
    use_threads(threads)
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
        dataset=_dataset_facts(data, fitted.data),
        settings=settings,
        manifest=manifest,
        gates=[],
    )
    return fitted, report


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
        "batch_tokens": job.batch_tokens,
    }


def _model_facts(loaded: LoadedModel, job: Job) -> ModelFacts:
    return ModelFacts(name=job.model, **loaded.facts)


def audited_facts(source: Path) -> DatasetFacts:
    """What an audit of the default split of the data set in `source` will say of it."""
    spec = load_spec(source)
    return _dataset_facts(load_dataset(spec, default_split(spec), min_words=MIN_WORDS), source)


def _dataset_facts(data: Dataset, source: Path, **more: str) -> DatasetFacts:
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
