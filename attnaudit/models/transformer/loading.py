"""Hugging Face folders and hub models, opened as classifiers that can be audited, or not at all.

Nothing is trusted: weights come from safetensors alone, code of the repository is never run, and a
model without a trained classification head is refused.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.data.pieces import Pieces
from attnaudit.data.spec import ReadingSettings
from attnaudit.data.tokenise import TokeniserSettings
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.files import sha256_folder
from attnaudit.models.interface import agree
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.interception import register
from attnaudit.models.transformer.quiet import quiet
from attnaudit.models.transformer.reference import Reference, brief, explained

# Without one of these transformers makes up a tokenizer that knows no piece.
_PIECES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)


@dataclass(frozen=True)
class Opened:
    """What a reference holds besides weights: configuration, tokenizer, and what follows."""

    reference: Reference
    config: Any
    tokenizer: Any
    vocabulary: Pieces

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes in order; LABEL_0, LABEL_1 where nobody named them."""
        names = self.config.id2label
        return tuple(str(names[i]) for i in sorted(names))

    def reading(self) -> ReadingSettings:
        """How texts are read for this model: cut by its tokenizer, no longer than its positions."""
        single, pair = self.vocabulary.single.size, self.vocabulary.pair.size
        room = self._positions - pair
        return ReadingSettings(
            tokeniser=TokeniserSettings(content=self.tokenizer.backend_tokenizer.to_str()),
            max_length=self._positions - single,
            max_query_length=room // 2,
            max_pair_length=room,
        )

    @cached_property
    def _positions(self) -> int:
        """How many positions a sequence may have; raises ModelError for hardly any."""
        limits = [int(self.tokenizer.model_max_length)]
        config = self.config.get_text_config()
        table = getattr(config, "max_position_embeddings", None)
        if table is not None and table > 0:
            with explained(self.reference, "its network cannot be made"):
                limits.append(table - positions_before(config))
        if min(limits) < self.vocabulary.pair.size + 2:
            raise ModelError(
                f"reads {min(limits)} positions, too few for a text", where=self.reference.name
            )
        return min(limits)


def open_reference(reference: Reference) -> Opened:
    """Configuration and tokenizer of `reference`; a model of the hub is downloaded.

    Raises ModelError where there are none, where they are of no classifier, or need code of the
    repository.
    """
    reference = reference.fetched()
    config = _open_config(reference)
    tokenizer = _open_tokenizer(reference)
    own = config.get_text_config()
    ends = (tokenizer.pad_token_id, own.pad_token_id, tokenizer.eos_token_id, 0)
    # Of decoders that were never padded: an id that no text ends with, for they look for the last
    # position that does not hold it.
    pad = next(i for i in ends if i is not None)
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else pad
    with explained(reference, "its tokenizer cannot be used"):
        vocabulary = Pieces.of(tokenizer.backend_tokenizer, pad, unknown, tokenizer.mask_token_id)
    for each in (config, own):
        each.pad_token_id, each.use_cache = pad, False
    return Opened(reference, config, tokenizer, vocabulary)


def _open_config(reference: Reference) -> Any:
    if not (reference.folder / "config.json").is_file():
        raise ModelError(
            "has no config.json",
            where=reference.name,
            hint="save the model with save_pretrained, and its tokenizer beside it",
        )
    with explained(reference, "its configuration cannot be read"):
        config = AutoConfig.from_pretrained(reference.folder, **reference.options)
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(
            f"is an encoder-decoder ({config.model_type}), which has no one row of attention that"
            " a class is read from",
            where=reference.name,
            hint="audit an encoder or a decoder classifier",
        )
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise ModelError(
            f"is of a kind ({config.model_type}) that classifies no texts",
            where=reference.name,
            hint="audit a sequence classifier of transformers",
        )
    return config


def _open_tokenizer(reference: Reference) -> Any:
    if not any((reference.folder / name).is_file() for name in _PIECES):
        raise ModelError(
            "has no tokenizer",
            where=reference.name,
            hint="save it beside the model with save_pretrained",
        )
    with explained(reference, "its tokenizer cannot be read"):
        tokenizer = AutoTokenizer.from_pretrained(reference.folder, **reference.options)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            "has no fast tokenizer, which tells where pieces stand in a text",
            where=reference.name,
            hint="save a tokenizer.json beside the model",
        )
    backend.no_truncation()  # lengths are the data set's business
    backend.no_padding()
    return tokenizer


def positions_before(config: Any) -> int:
    """How many positions of the table no text gets: RoBERTa's begin behind the padding's.

    It is the one family of ours whose table of positions has a row for padding.
    """
    with torch.device("meta"):  # no weights are made
        network = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
    rows = [
        m.padding_idx
        for m in network.modules()
        if isinstance(m, nn.Embedding) and m.num_embeddings == config.max_position_embeddings
    ]
    return max((row + 1 for row in rows if row is not None), default=0)


def load_classifier(
    opened: Opened, dtype: torch.dtype = torch.float32, device_map: str | None = None
) -> TransformerClassifier:
    """The classifier with its trained weights, studied and checked.

    `device_map` lays the network out over devices, as accelerate has it.

    Raises ModelError where its head has no trained weights, its weights are pickled, or its
    attention cannot be intervened on; InputError for a `device_map` without accelerate.
    """
    _check_task(opened)
    opened.reference.require_safetensors()
    network, info = _network(opened, dtype, device_map)
    lacking = sorted({*info["missing_keys"], *(str(k[0]) for k in info["mismatched_keys"])})
    if lacking:
        kinds = ", ".join(opened.config.architectures or ()) or "not said"
        raise ModelError(
            f"has no trained classification head: {_few(lacking)} would be random"
            f" (its architecture: {kinds})",
            where=opened.reference.name,
            hint="fine-tune it as a sequence classifier first, with `attnaudit train`",
        )
    return classifier_of(network, opened)


def _check_task(opened: Opened) -> None:
    where = opened.reference.name
    if len(opened.labels) < 2:
        raise ModelError("predicts a number, not a class", where=where, hint="audit a classifier")
    if len(set(opened.labels)) < len(opened.labels):
        raise ModelError(
            "two of its classes have the same name",
            where=where,
            hint="give each its own in id2label of its config.json",
        )
    if opened.config.problem_type == "multi_label_classification":
        raise ModelError(
            "gives several labels to a text, and the audits need one class", where=where
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
        network, info = AutoModelForSequenceClassification.from_pretrained(
            opened.reference.folder,
            config=opened.config,
            attn_implementation="eager",
            use_safetensors=True,
            output_loading_info=True,
            dtype=dtype,
            **placed,
            **opened.reference.options,
        )
    return network.eval(), info


def classifier_of(network: nn.Module, opened: Opened) -> TransformerClassifier:
    """`network`, loaded under its own attention, put under ours and checked; raises ModelError."""
    name, where = type(network).__name__, opened.reference.name
    _check_pieces(network, opened)
    example = example_batch(opened.vocabulary).to(next(network.parameters()).device)
    try:
        with torch.no_grad(), quiet():
            ids, mask = example.ids, example.mask.long()
            before = network(input_ids=ids, attention_mask=mask).logits
            network.set_attn_implementation(register())  # type: ignore[operator]
        model = TransformerClassifier(network, example, opened.vocabulary.mask)
        with torch.no_grad():
            after = model(example)
    except ModelError as error:
        raise ModelError(f"{name}: {error.what}", where=where, hint=error.hint) from error
    except Exception as error:
        what = f"{name}: its attention cannot be intervened on ({brief(error)})"
        raise ModelError(what, where=where) from error
    if not agree(after, before, before.dtype):
        raise ModelError(
            f"{name}: its attention cannot be intervened on: it does more than weigh and average"
            " (position biases, attention sinks or the like)",
            where=where,
        )
    if model.anatomy.row == "first" and not opened.vocabulary.single.before:
        raise ModelError(
            "its tokenizer puts no special token ([CLS]) before a text, and the classification"
            " head reads the first row: it would read a word's",
            where=where,
            hint="save the tokenizer that the model was trained with beside it",
        )
    return model


def _check_pieces(network: nn.Module, opened: Opened) -> None:
    lookup: Any = network.get_input_embeddings()  # type: ignore[operator]
    known, there = len(opened.vocabulary), len(lookup.weight)
    if known > there:
        raise ModelError(
            f"its tokenizer gives ids up to {known - 1}, and the model has embeddings for {there}",
            where=opened.reference.name,
            hint="save the model's own tokenizer beside it, or call resize_token_embeddings and"
            " fine-tune it again",
        )


def example_batch(vocabulary: Pieces) -> Batch:
    """Two texts of different lengths, the longer one first, of ordinary pieces."""
    specials = _specials(vocabulary)
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
    nothing = torch.zeros(2, dtype=torch.long)
    return Batch(ids, mask, words, nothing, torch.arange(2), pad=vocabulary.pad)


def _specials(vocabulary: Pieces) -> frozenset[int]:
    frames = (vocabulary.single, vocabulary.pair)
    around = {i for f in frames for part in (f.before, f.between, f.after) for i in part}
    return frozenset(around | {vocabulary.pad, vocabulary.unknown})


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def facts_of(opened: Opened, model: TransformerClassifier) -> dict[str, Any]:
    """What reports say of the model; of one of the hub, the commit that it is at."""
    reference = opened.reference
    return {
        "kind": "transformer",
        "architecture": type(model.network).__name__,
        "layers": len(model.anatomy.blocks),
        "heads": model.anatomy.heads,
        "row": "[CLS]" if model.anatomy.row == "first" else "last token",
        "revision": None if reference.local else reference.revision,
        "classes": list(opened.labels),
        "transformers": transformers.__version__,
        "sha256": sha256_folder(reference.folder),
    }
