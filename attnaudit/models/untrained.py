"""From a training configuration to untrained models: where classic models and transformers part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from attnaudit.data.dataset import Dataset
from attnaudit.data.settings import ReadingSettings
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.files import check_writable, sha256_file, sha256_folder
from attnaudit.execution.observer import Observer
from attnaudit.models.blank import Blank, Fresh, read_blank
from attnaudit.models.checkpoint import Checkpoint, load_checkpoint
from attnaudit.models.classic.classifier import ClassicModel, Recipe
from attnaudit.models.interface import AttentionModel, ModelSpec
from attnaudit.models.recipe import AnyConfig, FineTuneConfig, repair_facts
from attnaudit.models.schedule import Schedule

# The recipe of a pretrained model says nothing on how large a per-token probe should be, nor how
# long it learns: it begins from nothing, and stops when dev no longer gains.
PROBE = Recipe(encoder="average", embedding=128, hidden=128)
PROBE_SCHEDULE = Schedule(epochs=30, patience=5)
Write = Callable[[AttentionModel, Path, dict[str, Any]], None]  # model, where, how it came about


@dataclass(frozen=True)
class Saving:
    """How trained models are written, and what the names of their files or folders end in.

    `read` opens what `write` has written; by default that is a checkpoint or folder of ours.
    """

    write: Write
    suffix: str
    read: Callable[[Path], Trained] = field(default_factory=lambda: load_trained)


@dataclass(frozen=True)
class Untrained:
    """Untrained models of a recipe, and untrained per-token probes with how those are trained."""

    fresh: Fresh
    probe: Blank
    probe_schedule: Schedule
    saving: Callable[[ReadingSettings], Saving]


def suffix_of(config: AnyConfig) -> str:
    """What names of trained models end in: transformers are folders."""
    return "" if isinstance(config, FineTuneConfig) else ".pt"


def check_place(config: AnyConfig, path: Path) -> None:
    """Raise OutputError where a model cannot be written to `path`, or would destroy another's."""
    if isinstance(config, FineTuneConfig):
        from attnaudit.models.transformer import folder

        folder.check_place(path, Path(config.model.pretrained))
    else:
        check_writable(path)


def origin(config: AnyConfig) -> dict[str, str]:
    """The SHA-256 of what training begins from, where that is a pretrained model or vectors.

    Raises InputError where it cannot be read, ModelError for a model that cannot be opened.
    """
    if isinstance(config, FineTuneConfig):
        return {"pretrained_sha256": sha256_folder(_opened(config).reference.folder)}
    if config.vectors is None:
        return {}
    return {"vectors_sha256": sha256_file(config.vectors.file)}


def reading_of(config: AnyConfig) -> ReadingSettings | None:
    """How texts must be read where the model decides it; None where the data set does.

    Raises ModelError for a pretrained model that cannot be opened.
    """
    return _opened(config).reading() if isinstance(config, FineTuneConfig) else None


def spec_of(config: AnyConfig, learn: Dataset) -> ModelSpec:
    """What a model that learns from the train split `learn` is told about the task."""
    if isinstance(config, FineTuneConfig):
        pieces = _opened(config).vocabulary.ordered(learn.order)
        return ModelSpec(pieces, learn.labels, learn.paired)
    vocabulary = Vocabulary.count(learn.texts(), config.vocabulary.min_count)
    return ModelSpec(vocabulary, learn.labels, learn.paired)


def untrained(config: AnyConfig, spec: ModelSpec, observer: Observer) -> Untrained:
    """Untrained models of a configuration.

    Raises InputError for vectors, ModelError for a pretrained model, that cannot be read, and
    InputError for one that cuts texts into other pieces than `spec` knows.
    """
    if isinstance(config, FineTuneConfig):
        return _pretrained(config, spec)
    blank = read_blank(config, spec, observer)
    classic = config

    def saving(reading: ReadingSettings) -> Saving:
        def write(model: AttentionModel, path: Path, record: dict[str, Any]) -> None:
            assert isinstance(model, ClassicModel)
            Checkpoint(model, reading, classic, record).save(path)

        return Saving(write, suffix_of(classic))

    probe = blank.changed(encoder="average", attention="additive")
    return Untrained(blank, probe, config.training, saving)


def _pretrained(config: FineTuneConfig, spec: ModelSpec) -> Untrained:
    from attnaudit.models.transformer.blank import PretrainedBlank
    from attnaudit.models.transformer.classifier import TransformerClassifier
    from attnaudit.models.transformer.folder import Beside, write_folder

    blank = PretrainedBlank.read(_reference(config), spec.labels)
    reference, ours = blank.opened.reference, blank.opened.vocabulary
    if not ours.ordered(getattr(spec.vocabulary, "order", None)).same_as(spec.vocabulary):
        raise InputError(
            "its tokenizer cuts texts into other pieces than the model's tokenizer",
            where=reference.name,
            hint="give the pretrained model from which the audited one was fine-tuned",
        )
    if not reference.local:  # other models of the recipe begin from the same weights
        at = config.model.model_copy(update={"revision": reference.revision})
        config = config.model_copy(update={"model": at})

    def saving(reading: ReadingSettings) -> Saving:
        def write(model: AttentionModel, path: Path, record: dict[str, Any]) -> None:
            assert isinstance(model, TransformerClassifier)
            write_folder(path, model, blank.opened, Beside(reading, spec.paired, config, record))

        return Saving(write, suffix_of(config))

    # The probe reads the same pieces, with an embedding of its own for each; a query that stands
    # in one sequence with the text is no content, and it does not see it.
    probe = Blank(PROBE, replace(spec, paired=False))
    return Untrained(blank, probe, PROBE_SCHEDULE, saving)


def facts_of(config: AnyConfig, model: AttentionModel) -> dict[str, Any]:
    """What a report would say of a trained `model` of a configuration that is not written yet."""
    repairs = repair_facts(config)
    if not isinstance(config, FineTuneConfig):
        return {"kind": "checkpoint", "recipe": config.model.model_dump(mode="json"), **repairs}
    from attnaudit.models.transformer import classifier, loading

    assert isinstance(model, classifier.TransformerClassifier)
    return loading.facts_of(_opened(config), model) | repairs


def _opened(config: FineTuneConfig) -> Any:
    from attnaudit.models.transformer.opening import open_reference

    return open_reference(_reference(config))


def _reference(config: FineTuneConfig) -> Any:
    from attnaudit.models.transformer.reference import Reference

    return Reference(config.model.pretrained, config.model.revision)


@dataclass(frozen=True)
class Trained:
    """A model that `Saving` has written, on the CPU, and how it came about."""

    model: AttentionModel
    spec: ModelSpec
    config: AnyConfig | None
    training: dict[str, Any]


def load_trained(path: Path) -> Trained:
    """What stands in `path`; raises ModelError where that was not written by attnaudit."""
    if not path.is_dir():
        kept = load_checkpoint(path)
        return Trained(kept.model, kept.model.spec, kept.config, kept.training)
    from attnaudit.models.transformer.folder import read_beside
    from attnaudit.models.transformer.loading import load_classifier
    from attnaudit.models.transformer.opening import open_reference
    from attnaudit.models.transformer.reference import Reference

    opened = open_reference(Reference(str(path)))
    beside = read_beside(path, opened)
    if beside is None:
        raise ModelError("was not trained by attnaudit: it has no attnaudit.json", where=path)
    pieces = opened.vocabulary.ordered(beside.reading.order)
    spec = ModelSpec(pieces, opened.labels, beside.paired)
    return Trained(load_classifier(opened), spec, beside.config, beside.training)
