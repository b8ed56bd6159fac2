"""Hugging Face folders and hub models as classifiers that can be audited, or not at all.

Nothing is trusted: weights come from safetensors alone, and a model without a trained
classification head, or on which the audits would be wrong, is refused.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from itertools import cycle, islice
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.data.pieces import Pieces
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.files import sha256_folder
from attnaudit.models.interface import agree
from attnaudit.models.transformer.anatomy import examples_of
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.encoder_decoder import EncoderDecoder, end_of
from attnaudit.models.transformer.every_row import Audited, EveryRow
from attnaudit.models.transformer.linear import hasten
from attnaudit.models.transformer.opening import Opened
from attnaudit.models.transformer.outputs import as_classes, check_task
from attnaudit.models.transformer.prompting import architecture_of, prompt_facts, verbaliser_of
from attnaudit.models.transformer.quiet import quiet
from attnaudit.models.transformer.reference import brief, explained

_PADDING = "padding, or the other texts of a batch, change its answer"
_SLACK = 1 << 28  # bytes: tables of positions and masks that no file holds
_TABLES = {"position_ids", "masked_bias", "inv_freq"}  # of versions before
_FINE_TUNE = "fine-tune it as a sequence classifier first, with `attnaudit train`"
_ASK = ", or ask it as a language model, with --prompt"
# What reports call the row that the classification head reads.
_ROWS = {
    "first": "[CLS]",
    "last": "last token",
    "last_not_pad": "last token",
    "last_end": "end token",
    "every": "every row",
}


def load_classifier(
    opened: Opened, dtype: torch.dtype = torch.float32, device_map: str | None = None
) -> Audited:
    """The classifier with its trained weights, studied and checked.

    `device_map` lays the network out over devices, as accelerate has it.

    Raises ModelError where its head has no trained weights, its weights are pickled, or its
    attention cannot be intervened on; InputError for a `device_map` without accelerate.
    """
    check_task(opened.config, opened.labels, opened.reference.name)
    opened.reference.require_safetensors()
    check_size(opened)
    network, info = _network(opened, dtype, device_map)
    lacking = sorted({*info["missing_keys"], *(str(k[0]) for k in info["mismatched_keys"])})
    if lacking:
        raise _lack(lacking, network, opened)
    if unused := _unused(info["unexpected_keys"], network):
        raise ModelError(
            f"contains {len(unused)} weights that do not fit its config.json: {_few(unused)}",
            where=opened.reference.name,
            hint="put the config.json that belongs to these weights next to them",
        )
    if opened.prompt is not None:
        network = _asked(network, opened)
    return classifier_of(network, opened)


def _asked(network: nn.Module, opened: Opened) -> nn.Module:
    """A language model as a classifier by the words of its prompt."""
    _check_pieces(network, opened)
    device = next(network.parameters()).device
    text = example_batch(opened.vocabulary).ids[:1].to(device)
    try:
        with explained(opened.reference, "it cannot be asked by prompt"):
            return verbaliser_of(network, opened.words, text)
    except ModelError as error:
        raise ModelError(error.what, where=opened.reference.name, hint=error.hint) from error


def check_size(opened: Opened) -> None:
    """Raise ModelError where the network would be much larger than the weights that there are."""
    folder = opened.reference.folder
    there = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    network = opened.skeleton
    needed = sum(4 * p.numel() for p in network.parameters())
    needed += sum(b.numel() * b.element_size() for b in network.buffers())
    if needed > 8 * there + _SLACK:
        raise ModelError(
            f"its config.json describes a network of {needed / 1e9:.3g} GB, but its weights are "
            f"{there / 1e9:.3g} GB",
            where=opened.reference.name,
            hint="put the config.json that belongs to these weights next to them",
        )


def _unused(unexpected: Iterable[str], network: nn.Module) -> list[str]:
    """Weights that have no place in the network.

    Tables that networks of old versions saved, such as position ids, are no weights: every network
    makes them anew.
    """
    made = {name.rpartition(".")[2] for name, _ in network.named_buffers()} | _TABLES
    return sorted(name for name in unexpected if name.rpartition(".")[2] not in made)


def _lack(lacking: Sequence[str], network: Any, opened: Opened) -> ModelError:
    kinds = ", ".join(opened.config.architectures or ()) or "not said"
    below = f"{network.base_model_prefix}."
    sentences = (opened.reference.folder / "modules.json").is_file()
    headless = not all(name.startswith(below) for name in lacking)
    if headless and opened.prompt is not None:
        return ModelError(
            f"has no trained head that says the next word (its architecture: {kinds}), so it cannot"
            " be asked by prompt",
            where=opened.reference.name,
            hint="leave --prompt out to audit a classifier, or give a causal language model",
        )
    what = "has no trained classification head" if headless else "has not all of its weights"
    return ModelError(
        f"{what}: {_few(lacking)} would be random (its architecture: {kinds})",
        where=opened.reference.name,
        hint="it is a model of sentence-transformers, which compares texts: audit a classifier"
        if headless and sentences
        else _FINE_TUNE + (_ASK if kinds.endswith(("ForCausalLM", "LMHeadModel")) else "")
        if headless
        else "save the whole model with save_pretrained",
    )


def _network(
    opened: Opened, dtype: torch.dtype, device_map: str | None
) -> tuple[nn.Module, Mapping[str, Any]]:
    """The network under its own attention, and what was said while loading it."""
    placed = {}
    if device_map is not None:
        if importlib.util.find_spec("accelerate") is None:
            raise InputError(
                "--device-map needs accelerate, which is not installed",
                hint="pip install 'attnaudit[accelerate]'",
            )
        placed["device_map"] = device_map
    with explained(opened.reference, "its weights cannot be read"):
        network, info = opened.kind.from_pretrained(
            opened.reference.folder,
            config=opened.config,
            attn_implementation="eager",
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told, and refused
            dtype=dtype,
            **placed,
            **opened.reference.options,
        )
    return network.eval(), info


def classifier_of(network: nn.Module, opened: Opened) -> Audited:
    """`network`, loaded under its own attention, in our hands and checked; raises ModelError.

    One whose head pools is taken to the site of every row of its last layer.
    """
    name, where = architecture_of(network), opened.reference.name
    _check_pieces(network, opened)
    example = example_batch(opened.vocabulary).to(next(network.parameters()).device)
    end = end_of(network.config)
    if end is not None and end not in opened.vocabulary.single.after:
        raise ModelError(
            f"its tokenizer puts no end token (eos_token_id {end}) after a text, but the"
            " classification head reads the row of the last one",
            where=where,
            hint="save the tokenizer with which the model was trained next to the model",
        )
    examples = examples_of(example, opened.vocabulary.pad, end)
    make = TransformerClassifier if end is None else EncoderDecoder
    try:
        with of_one_kind(network):
            before = torch.cat([_own_answers(network, each) for each in examples])
        hasten(network)
        if end is not None:
            _check_padding(network, example, before[: len(example)])
        model = make(network, example, opened.vocabulary.mask)
        model.unknown_token = _unknown(opened.vocabulary)
        with torch.no_grad():
            after = torch.cat([model(each) for each in examples])
            padded = torch.cat([model.own_answer(each) for each in examples])
    except ModelError as error:
        raise ModelError(f"{name}: {error.what}", where=where, hint=error.hint) from error
    except Exception as error:
        what = f"{name}: attnaudit cannot change its attention ({brief(error)})"
        raise ModelError(what, where=where) from error
    if not agree(padded, before, before.dtype):
        raise ModelError(f"{name}: {_PADDING}", where=where)
    if not agree(after, before, before.dtype):
        raise ModelError(
            f"{name}: attnaudit cannot change its attention: it does more than weigh and "
            "average (position biases, attention sinks or the like)",
            where=where,
        )
    model.bare = end is None and not opened.vocabulary.single.before
    if model.anatomy.row == "first" and model.bare:
        raise ModelError(
            "its tokenizer puts no special token ([CLS]) before a text, but the classification "
            "head reads the first row, so it would read the row of a word",
            where=where,
            hint="save the tokenizer with which the model was trained next to the model",
        )
    if model.anatomy.row != "every":
        return model
    try:
        return EveryRow(model, len(model.anatomy.blocks), example)
    except ModelError as error:
        raise ModelError(f"{name}: {error.what}", where=where, hint=error.hint) from error


@torch.no_grad()
def _check_padding(network: nn.Module, example: Batch, alone: Tensor) -> None:
    """Raise ModelError where a network answers a batch otherwise than each text `alone`."""
    with quiet():
        logits = network(input_ids=example.ids, attention_mask=example.mask.long()).logits
    if not agree(as_classes(logits), alone, alone.dtype):
        raise ModelError(_PADDING)


@contextmanager
def of_one_kind(network: nn.Module) -> Iterator[None]:
    """Raises ModelError where the network swaps parts of itself while it runs in the context.

    What it answers would then depend on the texts that it has read before.
    """
    before = {id(module) for module in network.modules()}
    yield
    if {id(module) for module in network.modules()} != before:
        raise ModelError(
            "it swaps its attention for another kind when a text is short, and keeps that",
            hint="choose one kind in its config.json: full attention",
        )


@torch.no_grad()
def _own_answers(network: nn.Module, batch: Batch) -> Tensor:
    """Logits (B, C) of a network that nobody has touched, for each text alone."""
    made = []
    for b, length in enumerate(batch.mask.sum(1).tolist()):
        inputs = {"input_ids": batch.ids[b : b + 1, :length]}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if batch.types is not None and "token_type_ids" in signature(network.forward).parameters:
            inputs["token_type_ids"] = batch.types[b : b + 1, :length]
        with quiet():
            made.append(as_classes(network(**inputs).logits))
    return torch.cat(made)


def _check_pieces(network: nn.Module, opened: Opened) -> None:
    try:
        lookup: Any = network.get_input_embeddings()  # type: ignore[operator]
    except NotImplementedError:
        raise ModelError(
            "has no table of embeddings, one for each piece", where=opened.reference.name
        ) from None
    known, there = len(opened.vocabulary), len(lookup.weight)
    if known > there:
        raise ModelError(
            f"its tokenizer gives ids up to {known - 1}, but the model has embeddings for only "
            f"{there}",
            where=opened.reference.name,
            hint="save the model's own tokenizer next to it, or call resize_token_embeddings "
            "and fine-tune it again",
        )


def example_batch(vocabulary: Pieces) -> Batch:
    """Two texts of different lengths, the longer one first, of ordinary pieces."""
    specials = vocabulary.framing | {vocabulary.unknown}
    ordinary = [i for i in range(len(vocabulary)) if i not in specials][-64:] or [vocabulary.pad]
    before, after = vocabulary.single.before, vocabulary.single.after
    sizes = (9, 5)
    rows = [[*before, *islice(cycle(ordinary), n), *after] for n in sizes]
    width = len(rows[0])
    ids = torch.tensor([[*row, *[vocabulary.pad] * (width - len(row))] for row in rows])
    words = torch.full((2, width), OUTSIDE)
    for b, n in enumerate(sizes):
        words[b, len(before) : len(before) + n] = torch.arange(n)
    places = torch.arange(width)
    mask = torch.stack([places < len(row) for row in rows])
    types = None
    if vocabulary.segments:
        kinds = vocabulary.single.types
        types = torch.zeros_like(ids)
        for b, n in enumerate(sizes):
            parts = ((kinds[0], len(before)), (kinds[1], n), (kinds[4], len(after)))
            row = [kind for kind, size in parts for _ in range(size)]
            types[b, : len(row)] = torch.tensor(row)
    nothing = torch.zeros(2, dtype=torch.long)
    return Batch(ids, mask, words, nothing, torch.arange(2), types=types, pad=vocabulary.pad)


def _unknown(vocabulary: Pieces) -> int | None:
    """The id of unknown pieces; None where there is none, or another special token stands in."""
    return None if vocabulary.unknown in vocabulary.framing else vocabulary.unknown


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def facts_of(opened: Opened, model: Audited) -> dict[str, Any]:
    """What reports say of the model; of one of the hub, the commit that it is at."""
    reference = opened.reference
    return {
        "kind": "transformer",
        "architecture": architecture_of(model.network),
        "layers": len(model.anatomy.blocks),
        "heads": model.anatomy.heads,
        "row": _ROWS[model.anatomy.row],
        "revision": None if reference.local else reference.revision,
        "classes": list(opened.labels),
        "transformers": transformers.__version__,
        "sha256": sha256_folder(reference.folder),
        **({} if opened.prompt is None else {"prompt": prompt_facts(opened.prompt)}),
    }
