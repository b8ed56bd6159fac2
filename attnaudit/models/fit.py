"""`attnaudit train`: from a configuration to a checkpoint and the record of how it came about."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from attnaudit.data.dataset import Dataset
from attnaudit.data.loading import lacks, load_dataset, splits_of
from attnaudit.data.reader import ROW_SUFFIXES
from attnaudit.data.settings import ReadingSettings
from attnaudit.data.spec import DatasetSpec, load_spec
from attnaudit.data.synthetic import write_reviews
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.code import code_digest
from attnaudit.execution.files import check_folder, output_errors, write_text
from attnaudit.execution.observer import Observer
from attnaudit.measures.scores import accuracy, auroc, f1
from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.models.interface import AttentionModel, ModelSpec
from attnaudit.models.predict import Batches, predict
from attnaudit.models.recipe import AnyConfig, EmbeddedData
from attnaudit.models.training import Labels, Progress, TrainingData, train
from attnaudit.models.untrained import (
    Trained,
    Untrained,
    check_place,
    load_trained,
    origin,
    reading_of,
    spec_of,
    suffix_of,
    untrained,
)
from attnaudit.yaml_writer import written

SPLIT_SPEC = "split.yaml"  # in the output folder: the spec of one file that is split
HOW_TO_SPLIT = (
    "add `--split 80/10/10`, or write a dataset spec with `file:` and `split: 80/10/10`, to have"
    " it split by label into train, dev and test"
)


@dataclass(frozen=True)
class Prepared:
    """All that a training takes, read and checked; nothing has been written for it.

    `splits` are train, dev and, where there is one, test; `digest` tells one training from another.
    `state` is the file in which an unfinished one is kept.
    """

    config: AnyConfig
    checkpoint: Path
    state: Path
    source: Path
    spec: DatasetSpec
    splits: dict[str, Dataset]
    told: ModelSpec
    blank: Untrained
    digest: str


@dataclass(frozen=True)
class Fitted:
    """What a training leaves: where, from what, and how good."""

    folder: Path
    checkpoint: Path
    data: Path
    dataset: Dataset
    summary: Summary
    config: AnyConfig


def fit(
    config: AnyConfig,
    device: torch.device,
    observer: Observer,
    resume: bool,
    reuse: bool = False,
) -> Fitted:
    """Train what `config` describes and leave the model in its output folder.

    A classic model is the file `model.pt`, a transformer the folder `model`.

    `resume` goes on from an interrupted training, and refuses another one's state; `reuse` takes
    whatever is there of the same training, a finished model too.

    Raises InputError if the data lacks a train or dev split, or does not fit together, and
    OutputError if the folder cannot be written to.
    """
    ready = prepare_fit(config, observer, None)
    checkpoint, state, told = ready.checkpoint, ready.state, ready.told
    splits = dict(ready.splits)
    learn, dev = splits.pop("train"), splits["dev"]
    data = TrainingData(learn.instances, dev.instances, told.vocabulary, len(told.labels), device)

    def fitted(summary: Summary) -> Fitted:
        if config.split is not None:
            write_text(ready.source, _split_spec(config, ready.source.parent))
        return Fitted(checkpoint.parent, checkpoint, ready.source, learn, summary, config)

    made = already_made(ready) if reuse else None
    if made is not None:
        return fitted(_summary(made.model.to(device), told, made.training, splits, device))
    model = ready.blank.fresh(config.training.seed).to(device)
    if reuse:
        resume = _is_of(state, ready.digest)
    goal = Labels(model, data, config.training)
    _make(config, checkpoint)  # only now: a mistake in the data leaves nothing behind
    progress = train(
        model,
        data,
        config.training,
        observer,
        objective=goal,
        digest=ready.digest,
        state_file=state,
        resume=resume,
    )
    record = {"epochs": progress.epochs, "best_epoch": progress.best_epoch, "digest": ready.digest}
    summary = _summary(model, told, record, splits, device)
    ready.blank.saving(ready.spec.reading()).write(model, checkpoint, record)
    state.unlink(missing_ok=True)
    return fitted(summary)


def prepare_fit(config: AnyConfig, observer: Observer, scratch: Path | None) -> Prepared:
    """Read and check what `config` describes, before anything of the training is written.

    The embedded data goes to the folder `scratch`, by default to the output folder.

    Raises InputError if the data lacks a train or dev split, or does not fit together, and
    OutputError if the output folder cannot be written to.
    """
    folder = config.output
    assert folder is not None  # read_config has seen to it
    checkpoint = folder / f"model{suffix_of(config)}"
    reading = reading_of(config)
    source, spec = _spec(config, checkpoint, scratch, reading)
    splits = _load_splits(spec)
    say_cut(splits["train"], observer)
    told = spec_of(config, splits["train"])
    blank = untrained(config, told, observer)
    digest = _digest(config, spec, splits["train"], splits["dev"])
    state = folder / "training.state"
    return Prepared(config, checkpoint, state, source, spec, splits, told, blank, digest)


def already_made(ready: Prepared) -> Trained | None:
    """The model of the very same training, if it stands where this one's would."""
    return _made(ready.checkpoint, ready.digest)


def check_output(ready: Prepared, resume: bool) -> None:
    """Raise now what the training would raise before its first step, and write nothing.

    That is OutputError for a folder that cannot be written to, or InputError for what an
    interrupted training has left there, which `resume` would go on from and cannot.
    """
    check_folder(ready.checkpoint.parent)
    if ready.checkpoint.parent.is_dir():
        check_place(ready.config, ready.checkpoint)
    if resume:
        Progress.load(ready.state, ready.digest)


def _made(checkpoint: Path, digest: str) -> Trained | None:
    """The model of the very same training, if it is there."""
    try:
        found = load_trained(checkpoint)
    except ModelError:
        return None
    return found if found.training.get("digest") == digest else None


def _is_of(state: Path, digest: str) -> bool:
    """Whether `state` was left by the very same training."""
    try:
        return Progress.load(state, digest) is not None
    except InputError:
        return False


def _data(config: AnyConfig, checkpoint: Path, scratch: Path | None) -> Path:
    if isinstance(config.data, EmbeddedData):
        r, folder = config.data.reviews, scratch or checkpoint.parent
        if scratch is None:
            _make(config, checkpoint)
        return write_reviews(folder, train=r.train, dev=r.dev, test=r.test, seed=r.seed)
    assert config.data is not None
    return config.data


def _spec(
    config: AnyConfig, checkpoint: Path, scratch: Path | None, reading: ReadingSettings | None
) -> tuple[Path, DatasetSpec]:
    """The data set and where its spec stands, or will stand once the data have proved good."""
    if config.split is None:
        source = _data(config, checkpoint, scratch)
        return source, load_spec(source, reading, limits=reading)
    file = config.data
    assert isinstance(file, Path)  # read_config has seen to it
    if file.suffix.lower() not in ROW_SUFFIXES:
        raise InputError(
            f"is not one file of rows, which `split: {config.split}` could split",
            where=file,
            hint="write `split:` into the dataset spec itself",
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SPLIT_SPEC
        write_text(path, _split_spec(config, path.parent))
        spec = load_spec(path, reading, limits=reading)
    source = checkpoint.parent / SPLIT_SPEC
    return source, spec.at(source, file)


def _split_spec(config: AnyConfig, folder: Path) -> str:
    """A spec in a folder that has one file split, for whatever reads the data later."""
    assert isinstance(config.data, Path)
    told = {
        "file": os.path.relpath(config.data.resolve(), folder.resolve()),
        "split": config.split,
        "split_seed": config.split_seed,
    }
    return written(told, sort_keys=False, allow_unicode=True)


def say_cut(data: Dataset, observer: Observer) -> None:
    """Tell how one file was split, where a spec or a configuration asked for that."""
    if data.cut is not None:
        observer.say(f"{data.path} is {data.cut.words}")


def _make(config: AnyConfig, checkpoint: Path) -> None:
    """Make the output folder; raises OutputError if the model cannot be written into it."""
    with output_errors(checkpoint.parent):
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    check_place(config, checkpoint)


def _load_splits(spec: DatasetSpec) -> dict[str, Dataset]:
    """Train, dev and, where there is one, test: all read now, lest a bad row waste a training."""
    named = splits_of(spec)
    for split in ("train", "dev"):
        if split not in named:
            raise lacks(spec, split, named, "which training needs", HOW_TO_SPLIT)
    splits = {"train": load_dataset(spec, "train")}
    paired = splits["train"].paired
    for split in ("dev", "test"):
        if split in named:
            splits[split] = load_dataset(spec, split, labels=splits["train"].labels)
            if splits[split].paired != paired:
                has, other = ("no query", "one") if paired else ("a query", "none")
                raise InputError(
                    f"the {split} split has {has}, but the train split has {other}",
                    where=splits[split].path,
                    hint="give all splits a query, or no split",
                )
    return splits


def _digest(config: AnyConfig, spec: DatasetSpec, learn: Dataset, dev: Dataset) -> str:
    """What a training depends on: its settings, what it begins from, the data and their reading."""
    said = config.model_dump(mode="json", exclude={"output"})
    said.update(origin(config))
    reading = spec.reading().model_dump(mode="json")
    data = [reading, learn.labels, learn.digest, dev.digest]
    text = json.dumps([code_digest(__name__), said, *data], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _summary(
    model: AttentionModel,
    told: ModelSpec,
    record: Mapping[str, Any],
    evaluated: dict[str, Dataset],
    device: torch.device,
) -> Summary:
    metrics: dict[str, Estimate] = {}
    rows = []
    for split, data in evaluated.items():
        batches = Batches(data.instances, told.vocabulary, model.boundaries, device)
        probs = predict(model, batches)
        gold = np.array([i.label for i in data.instances])
        scores = {name: score(gold, probs) for name, score in _SCORES.items()}
        for name, value in scores.items():
            reason = None if value is not None else "needs two classes, and texts of both"
            metrics[f"train.{split}.{name}"] = Estimate(value, n=len(gold), reason=reason)
        rows.append([split, *scores.values(), len(gold)])
    select = next(k for k in record["epochs"][0] if k != "loss")
    epochs = [[n, e["loss"], e[select]] for n, e in enumerate(record["epochs"], start=1)]
    best = record["best_epoch"]
    tables = {
        "train.epochs": Table(
            f"Training: epoch {best} of {len(epochs)} kept, by dev {select}",
            ["epoch", "loss", f"dev {select}"],
            epochs,
            detail=True,
        ),
        "train.scores": Table(
            f"Scores of epoch {best} of {len(epochs)}, the best by dev {select}",
            ["split", *_SCORES, "n"],
            rows,
        ),
    }
    return Summary(metrics, tables)


_SCORES = {"accuracy": accuracy, "f1": f1, "auroc": auroc}
