"""What an audit that retrains needs besides the model: its recipe, and the splits to learn from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch

from attnaudit.data.dataset import Dataset
from attnaudit.data.loading import lacks, load_dataset, splits_of
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.observer import Observer
from attnaudit.models.interface import AttentionModel, ModelSpec, capability
from attnaudit.models.load import LoadedModel
from attnaudit.models.recipe import AnyConfig, FineTuneConfig, Overrides, TrainConfig, read_config
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.untrained import origin, untrained
from attnaudit.running.job import Job


def prepare(
    loaded: LoadedModel,
    spec: DatasetSpec,
    audited: Dataset,
    job: Job,
    device: torch.device,
    observer: Observer,
) -> Retraining:
    """All that training other models of the same recipe takes.

    Raises InputError where there is no recipe, or another one than the model's, or where what the
    recipe begins from is gone; where the data lacks a train or dev split, or has one that does not
    fit the model or is cut short by a limit; or for a plug-in that makes no untrained models.
    """
    config = _recipe(loaded, job)
    splits = _splits(spec, audited, loaded.spec, job.data)
    vectors = config.vectors if isinstance(config, TrainConfig) else None
    if job.recipe is None and vectors is not None and not vectors.file.exists():
        raise InputError(
            f"was trained with the vectors in {vectors.file}, but that file is missing",
            where=job.model,
            hint="put the file back, or give a --recipe CONFIG that says where it is now",
        )
    try:
        blank = untrained(config, loaded.spec, observer)
        if loaded.facts["kind"] == "transformer" and isinstance(config, FineTuneConfig):
            _check_alike(loaded.model, blank.fresh(config.training.seed), config.model.pretrained)
    except (InputError, ModelError) as error:
        if job.recipe is not None or not isinstance(config, FineTuneConfig):
            raise
        raise InputError(
            f"the pretrained model from which it was fine-tuned cannot be used: {error.where}: "
            f"{error.what}",
            where=job.model,
            hint="put it back, or give a --recipe CONFIG that says where it is now",
        ) from error
    fresh, saving = blank.fresh, None
    if loaded.facts["kind"] == "plugin":
        found = capability(loaded.model, "fresh")
        if found is None:
            raise InputError(
                "the model cannot be trained again: it has no `fresh(seed)`",
                where=job.model,
                hint="add that method, which gives an untrained model of the same recipe",
            )
        fresh = found
    else:
        saving = blank.saving(spec.reading())
    return Retraining(
        loaded.model,
        loaded.spec,
        Trainable(
            fresh,
            blank.probe,
            config.training,
            blank.probe_schedule,
            saving,
            _origin(config, splits),
        ),
        splits,
        device,
        job.tokens,
    )


def _origin(config: AnyConfig, splits: Mapping[str, Dataset]) -> dict[str, str]:
    told = config.model_dump(mode="json", exclude={"output", "data"})
    told.update(origin(config))
    recipe = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return {"recipe": recipe, **{split: splits[split].digest for split in ("train", "dev")}}


def _recipe(loaded: LoadedModel, job: Job) -> AnyConfig:
    if job.recipe is None:
        if loaded.config is None:
            raise InputError(
                "the model does not say how it was trained, but this audit must train it again",
                where=job.model,
                hint="give --recipe train.yaml, or audit a model of `attnaudit train`",
            )
        return loaded.config
    config = read_config(job.recipe, Overrides(data=job.data))
    pretrained = loaded.facts["kind"] == "transformer"
    if loaded.facts["kind"] != "plugin" and pretrained != isinstance(config, FineTuneConfig):
        asked = "fine-tunes a pretrained model" if not pretrained else "is for a classic model"
        raise InputError(
            f"is not the model's recipe: it {asked}",
            where=job.recipe,
            hint="give the configuration with which the model was trained",
        )
    if isinstance(loaded.config, TrainConfig) and isinstance(config, TrainConfig):
        for name, ours in loaded.config.model:
            theirs = getattr(config.model, name)
            sized_by_vectors = name == "embedding" and config.vectors is not None
            if theirs != ours and not sized_by_vectors:
                raise InputError(
                    f"is not the model's recipe: its {name} is {theirs}, but the model's is {ours}",
                    where=job.recipe,
                    hint="leave --recipe out: the model contains its own",
                )
    return config


def _check_alike(audited: AttentionModel, fresh: AttentionModel, pretrained: str) -> None:
    """Raise InputError where fine-tuning gives another network than the audited one."""
    ours, theirs = ({n: w.shape for n, w in m.state_dict().items()} for m in (audited, fresh))
    if ours != theirs:
        raise InputError(
            "is another network than the audited model",
            where=pretrained,
            hint="give the pretrained model from which the audited one was fine-tuned",
        )


def _splits(
    spec: DatasetSpec, audited: Dataset, model: ModelSpec, source: Path
) -> dict[str, Dataset]:
    if audited.partial and audited.split in ("train", "dev"):
        raise InputError(
            f"this audit trains models on the {audited.split} split, and --limit would shorten it",
            where=source,
            hint="use --limit with another --split, or leave it out",
        )
    named = splits_of(spec)
    splits = {audited.split: audited}
    for split in ("train", "dev"):
        if split not in named:
            ways = (
                f"name the {split} file of the model's training as `{split}:` in a dataset spec; if"
                " one file was split, write `file:` and `split:` there as they were for training"
            )
            raise lacks(spec, split, named, "and this audit trains models", ways)
        if split not in splits:  # with texts of one word, which the model was trained on too
            splits[split] = load_dataset(spec, split, labels=model.labels)
        if splits[split].paired != model.paired:
            has = "no query" if model.paired else "a query"
            raise InputError(
                f"the {split} split has {has}, unlike the data on which the model was trained",
                where=splits[split].path,
                hint="give all splits a query, or no split",
            )
    return splits
