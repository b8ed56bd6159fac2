"""Training configurations: what `attnaudit train` reads from YAML and a checkpoint keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pydantic

from attnaudit.config import Document, Settings, read_document
from attnaudit.data.spec import SPEC_SUFFIXES, ShareText, SplitSeed
from attnaudit.errors import InputError
from attnaudit.models.classic.classifier import Recipe
from attnaudit.models.schedule import FineTuning, Schedule


class ReviewsSource(Settings):
    """The embedded corpus, written into the output folder."""

    train: int = pydantic.Field(2000, ge=2, le=10**6)
    dev: int = pydantic.Field(300, ge=2, le=10**6)
    test: int = pydantic.Field(500, ge=2, le=10**6)
    seed: int = pydantic.Field(0, ge=0, lt=2**31)


class EmbeddedData(Settings):
    """`data: {reviews: {...}}`."""

    reviews: ReviewsSource


class VectorSettings(Settings):
    """Pretrained word vectors in fastText or GloVe text format, plain or .gz."""

    file: Path
    tune: bool = pydantic.Field(True, description="whether training changes them")


class VocabularySettings(Settings):
    """Which words of the train split get a vector of their own; the others share one."""

    min_count: int = pydantic.Field(1, ge=1, lt=2**31)


class Pretrained(Settings):
    """A pretrained transformer to fine-tune: a Hugging Face folder, or a hub id with a revision."""

    pretrained: str = pydantic.Field(min_length=1)
    revision: str | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _check_encoder(cls, given: Any) -> Any:
        if isinstance(given, dict) and str(given.get("encoder", "")).startswith("orthogonal"):
            raise ValueError(
                "an orthogonal recurrence needs a recurrent encoder, and a pretrained transformer "
                "has none; `training.conicity` works for both"
            )
        return given


class _Training(Settings):
    """What every training configuration says.

    `split` is for `data` that are one file: into which shares it is split, as in a dataset spec.
    `audit` is for `attnaudit audit`, which reads it by itself: training does not depend on it.
    """

    data: Path | EmbeddedData | None = None
    split: ShareText | None = None
    split_seed: SplitSeed = 0
    output: Path | None = None
    audit: dict[str, pydantic.JsonValue] | None = pydantic.Field(None, exclude=True)


class TrainConfig(_Training):
    """A training configuration of a classic model; `attnaudit train` reads it from YAML."""

    model: Recipe = Recipe()
    vectors: VectorSettings | None = None
    vocabulary: VocabularySettings = VocabularySettings()
    training: Schedule = Schedule()


class FineTuneConfig(_Training):
    """A training configuration of a pretrained transformer."""

    model: Pretrained
    training: FineTuning = FineTuning()


AnyConfig = TrainConfig | FineTuneConfig


def repair_facts(config: AnyConfig | None) -> dict[str, Any]:
    """What reports say of the repairs in a model's training; empty for none."""
    repairs = config.training.repairs if config else {}
    return {"repairs": repairs} if repairs else {}


def config_class(mapping: Mapping[str, Any]) -> type[TrainConfig] | type[FineTuneConfig]:
    """The class of a configuration: `model: {pretrained: ...}` asks for fine-tuning.

    So does a key that is nearly that, whose mistake is then named as such.
    """
    model = mapping.get("model")
    keys = [str(key) for key in model] if isinstance(model, dict) else []
    return FineTuneConfig if get_close_matches("pretrained", keys) else TrainConfig


@dataclass(frozen=True)
class Overrides:
    """What the command line says in place of the configuration."""

    data: Path | None = None
    vectors: Path | None = None
    seed: int | None = None
    output: Path | None = None
    split: str | None = None


def read_config(path: Path, overrides: Overrides) -> AnyConfig:
    """The configuration in `path` with what the command line overrides.

    `data`, `vectors` and a `pretrained` folder in the file are relative to its folder, `output` to
    the working folder.
    Raises InputError with file and line.
    """
    document: Document = read_document(path)
    config: AnyConfig = document.parse(config_class(document.mapping))
    here = path.parent
    changed: dict[str, Any] = {}
    if overrides.data:
        changed["data"] = overrides.data
    elif isinstance(config.data, Path):
        changed["data"] = here / config.data
    if isinstance(config, FineTuneConfig):
        if overrides.vectors:
            raise InputError(
                "fine-tunes a pretrained model, which has its own vectors",
                where=path,
                hint="leave --vectors out",
            )
        if (folder := here / config.model.pretrained).is_dir():
            changed["model"] = config.model.model_copy(update={"pretrained": str(folder)})
    elif overrides.vectors:
        tune = config.vectors.tune if config.vectors else True
        changed["vectors"] = VectorSettings(file=overrides.vectors, tune=tune)
    elif config.vectors:
        changed["vectors"] = config.vectors.model_copy(update={"file": here / config.vectors.file})
    if overrides.split is not None:
        changed["split"] = overrides.split
    elif overrides.data and overrides.data.suffix.lower() in SPEC_SUFFIXES:
        changed["split"] = None  # a spec says itself whether it splits
    if overrides.seed is not None:
        changed["training"] = config.training.model_copy(update={"seed": overrides.seed})
    changed["output"] = overrides.output or config.output or Path(path.stem)
    config = config.model_copy(update=changed)
    _check_sizes(config, path)
    if config.data is None:
        raise InputError(
            "does not say which data to use",
            where=path,
            hint="add `data: SPEC.yaml`, or give --data SPEC.yaml on the command line",
        )
    if config.split is not None and not isinstance(config.data, Path):
        raise InputError(
            f"`split: {config.split}` is for one file, and the embedded data have splits",
            where=path,
            hint="leave it out",
        )
    return config


def _check_sizes(config: AnyConfig, path: Path) -> None:
    """Raise InputError for repairs that compare states with embeddings of another size.

    The size of pretrained vectors is known once they are read, see `repairs.check_repairs`.
    """
    tied = [name for name in ("tying", "masked_words") if name in config.training.repairs]
    if not tied or not isinstance(config, TrainConfig) or config.vectors is not None:
        return
    state, embedding = config.model.state_size, config.model.embedding
    if state != embedding:
        raise InputError(
            f"training.{tied[0]} compares states with the embeddings of words, but a state has "
            f"{state} numbers and an embedding {embedding}",
            where=path,
            hint="choose sizes that are equal; the states of a BiLSTM have twice `hidden` numbers",
        )
