"""A Hugging Face classifier and its tokenizer that a program holds already, taken as they are.

The caller's objects are not touched. The network that is audited is a copy of the modules around
the same numbers: it has its own mode, configuration and attention, and takes no further memory for
weights. The tokenizer and the configuration are written to a temporary folder and read again, so
that they go through the same checks as those of a folder.
"""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from attnaudit.data.batch import Batch, collate
from attnaudit.data.dataset import Dataset
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import ModelError
from attnaudit.models.interface import AttentionModel, ModelSpec, agree
from attnaudit.models.load import Source
from attnaudit.models.transformer.loading import (
    classifier_of,
    example_batch,
    facts_of,
    of_one_kind,
)
from attnaudit.models.transformer.opening import Opened, open_reference
from attnaudit.models.transformer.outputs import as_classes, check_task
from attnaudit.models.transformer.own import give_back
from attnaudit.models.transformer.quiet import quiet
from attnaudit.models.transformer.reference import Reference, brief, explained

COMPARED = 8  # texts on which the caller's network is compared with what is audited


def name_of(network: object) -> str:
    """What reports call a network in memory."""
    return f"{type(network).__name__} in memory"


def source_of(network: object, tokenizer: object) -> Source:
    """The caller's `network` and `tokenizer` as a model that can be audited.

    Its answers are compared with the caller's own network, and all laws hold for it that hold for
    a model of a folder.

    Raises ModelError where the two are no classifier and no fast tokenizer of transformers, or
    where the network could not be audited if it were loaded from a folder.
    """
    name = name_of(network)
    if not isinstance(network, transformers.PreTrainedModel):
        raise ModelError(
            "is not a model of transformers",
            where=name,
            hint="give (model, tokenizer), with a sequence classifier of transformers; for "
            "PEFT, the result of merge_and_unload()",
        )
    if not isinstance(tokenizer, transformers.PreTrainedTokenizerBase):
        raise ModelError(
            f"its tokenizer is a {type(tokenizer).__name__}, not one of transformers",
            where=name,
            hint="give (model, tokenizer), in this order",
        )
    if len({parameter.device for parameter in network.parameters()}) > 1:
        raise ModelError("is spread over several devices", where=name, hint="load it on one device")
    with tempfile.TemporaryDirectory(prefix="attnaudit-") as folder:
        reference = Reference(name, snapshot=Path(folder))
        with explained(reference, "its tokenizer and configuration cannot be saved"):
            network.config.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        opened = open_reference(reference)
        check_task(opened.config, opened.labels, name)
        example = example_batch(opened.vocabulary).to(network.device)
        try:
            with of_one_kind(network):
                answers = _own_answers(network, example, name)
        except ModelError as error:
            raise ModelError(error.what, where=name, hint=error.hint) from error
        _check_answers(answers, max(2, len(opened.labels)), name)
        model = classifier_of(_bare_copy(network, name), opened)
        facts = facts_of(opened, model) | {"in_memory": True, "sha256": _digest(network, opened)}
    opened = replace(opened, reference=Reference(name))

    def build(data: Dataset, _: Vocabulary | None) -> tuple[AttentionModel, ModelSpec]:
        spec = ModelSpec(opened.vocabulary.ordered(data.order), data.labels, data.paired)
        texts = collate(data.instances[:COMPARED], spec.vocabulary, boundaries=True)
        _compare(network, model, texts.to(network.device), name)
        return model, spec

    reading = opened.reading()
    several = opened.labels if opened.several else ()
    return Source(name, opened.labels, reading, build, facts, limits=reading, several=several)


def _bare_copy(network: nn.Module, name: str) -> nn.Module:
    """The modules of a network around the same numbers, in eval mode, under its own attention.

    Hooks of the caller's are left out: they are not to see an audit. Where they change an answer,
    `_compare` finds it out.
    """
    stand_ins: dict[int, Any] = {}  # by the id of what they stand for, as copy.deepcopy keeps them
    for parameter in network.parameters():
        stand_ins[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    for buffer in network.buffers():
        stand_ins[id(buffer)] = buffer.detach()
    for module in network.modules():
        for key, value in vars(module).items():
            if "_hooks" in key and isinstance(value, dict):
                stand_ins[id(value)] = type(value)()
    try:
        made = copy.deepcopy(network, stand_ins)
    except Exception as error:
        raise ModelError(f"its modules cannot be copied ({brief(error)})", where=name) from error
    give_back(made)
    for module in made.modules():
        config: Any = getattr(module, "config", None)
        if config is not None:
            config.use_cache = False
    return made.eval()


def _compare(network: Any, model: AttentionModel, batch: Batch, name: str) -> None:
    """Raise ModelError where the caller's network answers some texts otherwise than `model`."""
    given = _own_answers(network, batch, name)
    with torch.no_grad():
        ours = torch.cat([model(batch.select(torch.tensor([b]))) for b in range(len(batch))])
    if not agree(ours, given, given.dtype):
        raise ModelError(
            "gives other answers than its weights and code give without hooks",
            where=name,
            hint="remove hooks and adapters that change its answers, or merge them into its"
            " weights",
        )


def _check_answers(answers: Tensor, classes: int, name: str) -> None:
    if answers.ndim != 2 or answers.shape[1] != classes:
        raise ModelError(
            f"does not answer a text with {classes} classes",
            where=name,
            hint="load it with AutoModelForSequenceClassification",
        )


def _own_answers(network: Any, batch: Batch, name: str) -> Tensor:
    """Logits (B, C) of the caller's network, as it is, for each text alone."""
    typed = "token_type_ids" in signature(network.forward).parameters
    made = []
    with torch.no_grad(), _in_eval_mode(network), quiet():
        for b, length in enumerate(batch.mask.sum(1).tolist()):
            inputs = {"input_ids": batch.ids[b : b + 1, :length]}
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
            if typed and batch.types is not None:
                inputs["token_type_ids"] = batch.types[b : b + 1, :length]
            try:
                given = network(**inputs)
            except Exception as error:
                raise ModelError(f"running it fails ({brief(error)})", where=name) from error
            made.append(as_classes(getattr(given, "logits", torch.zeros(2))))
    return torch.cat(made)


@contextmanager
def _in_eval_mode(network: nn.Module) -> Iterator[None]:
    """Within the context every module is in eval mode; afterwards each is as it was."""
    training = [module for module in network.modules() if module.training]
    try:
        network.eval()
        yield
    finally:
        for module in training:
            module.training = True


def _digest(network: nn.Module, opened: Opened) -> str:
    """The SHA-256 of weights, tokenizer and classes; that of a folder is another."""
    digest = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        digest.update(weight.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    digest.update(opened.tokenizer.backend_tokenizer.to_str().encode())
    digest.update(repr(opened.labels).encode())
    return digest.hexdigest()
