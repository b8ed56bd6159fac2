"""MODEL on the command line: a checkpoint, a Hugging Face model, or `package.module:factory`."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from attnaudit.data.batch import collate
from attnaudit.data.dataset import Dataset
from attnaudit.data.labels import match_labels
from attnaudit.data.prompt import Prompt
from attnaudit.data.settings import ReadingSettings
from attnaudit.data.several import asked_about
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError, ModelError, did_you_mean
from attnaudit.execution.files import sha256_file
from attnaudit.models.checkpoint import load_checkpoint
from attnaudit.models.gradient_law import check_gradients
from attnaudit.models.interface import AttentionModel, ModelSpec, capability, check_laws
from attnaudit.models.recipe import AnyConfig, repair_facts
from attnaudit.models.references import is_hub_id, is_plugin, plugins_first

DEFAULT_SITE = -1  # as a layer: the one row that the answer is read from, or the rows if many


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to be audited, and what the report says of it.

    `config` is how it was trained, None for a plug-in, which does not say.
    """

    model: AttentionModel
    spec: ModelSpec
    facts: dict[str, Any]
    config: AnyConfig | None


@dataclass(frozen=True)
class Source:
    """Where a model comes from, known before its data is read.

    `labels` and `reading` are the model's own; None for a plug-in, which takes them from the data.
    `limits` are the longest texts that a pretrained model can read; None: any. `placed` says that
    the model stays where it is. `several` are the labels of a model that gives several to a text,
    and `label` is the one that is asked about, see `asked_label`; until one is chosen, such a model
    cannot be loaded.
    """

    name: str
    labels: tuple[str, ...] | None
    reading: ReadingSettings | None
    build: Callable[[Dataset, Vocabulary | None], tuple[AttentionModel, ModelSpec]]
    facts: dict[str, Any]
    config: AnyConfig | None = None
    limits: ReadingSettings | None = None
    placed: bool = False
    several: tuple[str, ...] = ()
    label: str | None = None

    def rows_in(self, spec: DatasetSpec, split: str) -> DatasetSpec:
        """The data set as this model is asked of it: of several labels, the one that is chosen.

        Raises InputError where its labels are not to be known.
        """
        if self.label is None:
            return spec
        return asked_about(spec, spec.path(split), self.several, self.label)

    def labels_in(self, spec: DatasetSpec, split: str) -> tuple[str, ...] | None:
        """The names that `split` of a data set has for the model's classes, in the model's order.

        None for a plug-in. Raises InputError where they are not to be known.
        """
        if self.labels is None or self.limits is None:
            return self.labels
        return match_labels(spec, spec.path(split), self.labels)

    def load(
        self,
        data: Dataset,
        vocabulary: Vocabulary | None,
        device: torch.device,
        dtype: torch.dtype,
        layer: int = DEFAULT_SITE,
        site: str | None = None,
    ) -> LoadedModel:
        """The model on `device`, frozen, in eval mode, its laws checked on texts of `data`.

        `vocabulary` is that of the data's train split, for models that do not bring their own.
        `layer` names the site: every row of that layer, or the model's own. `site` names one of the
        several kinds of attention that some models have at the row that is read.
        Raises ModelError for a model that breaks a law, InputError for data that does not fit it,
        or for a layer or a site that it does not have.
        """
        model, spec = self.build(data, vocabulary)
        model = at_site(model, layer, site, self.name)
        if data.paired != spec.paired:
            need, has = ("pairs", "single texts") if spec.paired else ("single texts", "pairs")
            raise InputError(
                f"the model was trained on {need}, but the data have {has}",
                where=data.path,
                hint="name the `query` field in the data set's spec"
                if spec.paired
                else "remove the query field, or audit a model that was trained on pairs",
            )
        if not self.placed:
            model = model.to(device=device, dtype=dtype)
        model = model.eval().requires_grad_(False)
        by_length = sorted(data.instances[:64], key=lambda i: len(i.tokens))
        sample = [*by_length[:4], *by_length[-4:]]  # short and long, so that there is padding
        batch = collate(sample, spec.vocabulary, boundaries=model.boundaries).to(device)
        try:
            check_laws(model, batch, len(spec.labels))
            check_gradients(model, batch)
        except ModelError as error:
            raise ModelError(error.what, where=self.name, hint=error.hint) from error
        except Exception as error:
            raise ModelError(
                f"running it on {len(batch)} texts fails ({_brief(error)})", where=self.name
            ) from error
        parameters = sum(p.numel() for p in model.parameters())
        facts = {"parameters": parameters, **self.facts}
        facts.setdefault("sha256", _weights_digest(model))
        if capability(model, "penalty"):
            facts["supervised"] = True  # its training says where to attend
        if model.many_rows or capability(model, "other_site"):
            facts |= {"site": model.site, "one_row": not model.many_rows}
        return LoadedModel(model, spec, {**facts, "labels": list(spec.labels)}, self.config)


@dataclass(frozen=True)
class Placement:
    """How a Hugging Face model is had: the hub's revision, where it goes, how it is asked.

    `prompt` makes a classifier of a causal language model.
    """

    revision: str | None = None
    dtype: torch.dtype = torch.float32
    device_map: str | None = None
    prompt: Prompt | None = None

    def require_none(self, reference: str) -> None:
        """Raise InputError where something is asked for that other models have not."""
        name = str(self.dtype).removeprefix("torch.")
        for option, given in (
            ("--revision", self.revision is not None),
            ("--device-map", self.device_map is not None),
            ("--prompt", self.prompt is not None),
            (f"--dtype {name}", self.dtype in (torch.float16, torch.bfloat16)),
        ):
            if given:
                raise InputError(f"{option} is for Hugging Face models, but {reference} is not one")


def at_site(model: AttentionModel, layer: int, site: str | None, name: str) -> AttentionModel:
    """The model at the site of a layer, or of a kind; raises InputError where it has no such site.

    `name` is what the user calls the model.
    """
    if site is not None:
        return _moved(
            model,
            *("other_site", site, f"--site {site}", name),
            lacking="the model has one kind of attention at the row that is read, not several",
            hint="leave --site out; it is for encoder-decoders",
        )
    if layer == DEFAULT_SITE:
        return model
    return _moved(
        model,
        *("at_layer", layer, f"--layer {layer}", name),
        lacking="the model shows one attention, and no layers to choose from",
        hint="leave --layer out",
    )


def _moved(
    model: AttentionModel,
    how: str,
    where_to: int | str,
    option: str,
    name: str,
    *,
    lacking: str,
    hint: str,
) -> AttentionModel:
    """What the capability `how` gives; its errors name the option and the model."""
    go = capability(model, how)
    if go is None:
        raise InputError(f"{option}: {lacking}", where=name, hint=hint)
    try:
        found: AttentionModel = go(where_to)
    except InputError as error:
        raise InputError(f"{option}: {error.what}", where=name, hint=error.hint) from error
    except ModelError as error:
        raise ModelError(f"{option}: {error.what}", where=name, hint=error.hint) from error
    return found


def find_model(reference: str, seed: int, placement: Placement | None = None) -> Source:
    """What MODEL names; raises ModelError where that is nothing the tool can audit."""
    path, placement = Path(reference), placement or Placement()
    if path.is_dir() or is_hub_id(reference):
        return _transformer(reference, placement)
    placement.require_none(reference)
    if is_plugin(reference):
        return _plugin(reference, seed)
    checkpoint = load_checkpoint(path)
    spec = checkpoint.model.spec
    facts = {
        "kind": "checkpoint",
        "sha256": sha256_file(path),
        "recipe": checkpoint.model.recipe.model_dump(mode="json"),
        **repair_facts(checkpoint.config),
    }
    return Source(
        reference,
        spec.labels,
        checkpoint.reading,
        lambda *_: (checkpoint.model, spec),
        facts,
        checkpoint.config,
    )


def _transformer(reference: str, placement: Placement) -> Source:
    path = Path(reference)
    if (path / "model.pt").is_file() and not (path / "config.json").is_file():
        hint = f"did you mean {str(path / 'model.pt')!r}?"
        raise ModelError("is a folder, not a checkpoint", where=path, hint=hint)
    if path.is_dir() and placement.revision is not None:
        raise InputError(
            f"--revision is for models on the hub, but {reference} is a folder",
            hint="leave it out, or give the id of a model on the hub",
        )
    # Importing transformers takes a second, which no classic model needs.
    from attnaudit.models.transformer import folder, loading, opening
    from attnaudit.models.transformer.reference import Reference

    opened = opening.open_reference(Reference(reference, placement.revision), placement.prompt)
    model = loading.load_classifier(opened, placement.dtype, placement.device_map)

    trained_here = path.is_dir() and placement.prompt is None
    beside = folder.read_beside(path, opened) if trained_here else None

    def build(data: Dataset, _: Vocabulary | None) -> tuple[AttentionModel, ModelSpec]:
        return model, ModelSpec(opened.vocabulary.ordered(data.order), data.labels, data.paired)

    return Source(
        reference,
        opened.labels,
        opened.reading() if beside is None else beside.reading,
        build,
        loading.facts_of(opened, model) | repair_facts(None if beside is None else beside.config),
        None if beside is None else beside.config,
        limits=opened.reading(),
        placed=placement.device_map is not None,
        several=opened.labels if opened.several else (),
    )


def _plugin(reference: str, seed: int) -> Source:
    name, _, attribute = reference.partition(":")
    try:
        with plugins_first():  # a console script does not look where it is run
            module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"no module named {error.name!r}",
            where=reference,
            hint="run attnaudit where it can be imported, or install it",
        ) from error
    except Exception as error:
        raise ModelError(f"importing it fails ({_brief(error)})", where=reference) from error
    if not hasattr(module, attribute):
        raise ModelError(
            f"{name} has no {attribute!r}",
            where=reference,
            hint=did_you_mean(attribute, [n for n in vars(module) if not n.startswith("_")]),
        )
    factory = getattr(module, attribute)

    def build(data: Dataset, vocabulary: Vocabulary | None) -> tuple[AttentionModel, ModelSpec]:
        words = vocabulary or Vocabulary.count(data.texts())
        spec = ModelSpec(words, data.labels, data.paired)
        try:
            with plugins_first():
                model = factory(spec, seed)
        except Exception as error:
            raise ModelError(f"calling it fails ({_brief(error)})", where=reference) from error
        if not isinstance(model, AttentionModel):
            raise ModelError(
                f"gives a {type(model).__name__}, not an attnaudit.models.interface.AttentionModel",
                where=reference,
                hint="subclass it: three methods, encode, attend and read",
            )
        brought: object = model.vocabulary
        if brought is None:
            return model, spec
        if not isinstance(brought, Vocabulary):
            raise ModelError(
                f"its `vocabulary` is a {type(brought).__name__}, not an"
                " attnaudit.data.vocabulary.Vocabulary",
                where=reference,
                hint="use Vocabulary(words), or WordIds(ids, pad=0, unknown=1)",
            )
        if model.unknown_token == AttentionModel.unknown_token:  # which may be a word of these
            model.unknown_token = brought.unknown
        return model, replace(spec, vocabulary=brought)

    return Source(reference, None, None, build, {"kind": "plugin"})


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _weights_digest(model: AttentionModel) -> str:
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
