"""Hugging Face folders and hub models, opened as classifiers that can be audited, or not at all.

Nothing is trusted: weights come from safetensors alone, code of the repository is never run, and a
model without a trained classification head is refused. Folders are read without the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.data.pieces import Pieces
from attnaudit.data.spec import ReadingSettings
from attnaudit.data.tokenise import TokeniserSettings
from attnaudit.errors import ModelError
from attnaudit.execution.files import sha256_folder
from attnaudit.models.interface import agree
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.interception import register

_SAFE = ("model.safetensors", "model.safetensors.index.json")
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_DTYPE = "dtype" if hasattr(transformers.PretrainedConfig(), "dtype") else "torch_dtype"
QUERY_LENGTH = 128  # pieces of a query, where a text and a query share the positions


@dataclass(frozen=True)
class Reference:
    """A folder, or a model of the hub with its revision."""

    name: str
    revision: str | None = None

    @property
    def folder(self) -> Path | None:
        """The folder, None for a model of the hub."""
        path = Path(self.name)
        return path if path.is_dir() else None

    @property
    def options(self) -> dict[str, Any]:
        """What every loader of transformers is told."""
        local = self.folder is not None
        return {
            "revision": None if local else self.revision,
            "local_files_only": local,
            "trust_remote_code": False,
        }


def _has(folder: Path, names: Sequence[str]) -> bool:
    return any((folder / name).is_file() for name in names)


@dataclass(frozen=True)
class Opened:
    """What a reference holds besides weights: configuration, tokenizer, and what follows.

    `labels` name the classes in order; `named` is false where they are only LABEL_0, LABEL_1.
    """

    reference: Reference
    config: Any
    tokenizer: Any
    vocabulary: Pieces

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes in order."""
        names = self.config.id2label
        return tuple(str(names[i]) for i in sorted(names))

    @property
    def named(self) -> bool:
        """Whether somebody named the classes."""
        return any(label != f"LABEL_{i}" for i, label in enumerate(self.labels))

    def reading(self, paired: bool) -> ReadingSettings:
        """How texts are read for this model: cut by its tokenizer, no longer than its positions."""
        frame = self.vocabulary.pair if paired else self.vocabulary.single
        room = self._longest - frame.size
        query = min(QUERY_LENGTH, room // 2) if paired else QUERY_LENGTH
        content = self.tokenizer.backend_tokenizer.to_str()
        return ReadingSettings(
            tokeniser=TokeniserSettings(content=content),
            max_length=room - query if paired else room,
            max_query_length=query,
        )

    @property
    def _longest(self) -> int:
        """How many positions a sequence may have."""
        limits = [int(self.tokenizer.model_max_length)]
        positions = getattr(self.config, "max_position_embeddings", None)
        if positions is not None and positions > 0:
            limits.append(positions - positions_before(self.config))
        return min(limits)


def open_reference(reference: Reference) -> Opened:
    """Configuration and tokenizer of `reference`.

    Raises ModelError where there are none, where they are of no classifier, or need code of the
    repository.
    """
    folder = reference.folder
    if folder is not None and not (folder / "config.json").is_file():
        raise ModelError(
            "has no config.json",
            where=folder,
            hint="save the model with save_pretrained, and its tokenizer beside it",
        )
    with _explained(reference, "its configuration cannot be read"):
        config = AutoConfig.from_pretrained(reference.name, **reference.options)
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(
            f"is an encoder-decoder ({config.model_type}), which has no one row of attention that"
            " a class is read from",
            where=reference.name,
            hint="audit an encoder or a decoder classifier",
        )
    with _explained(reference, "its tokenizer cannot be read"):
        tokenizer = AutoTokenizer.from_pretrained(reference.name, **reference.options)
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise ModelError(
            "has no fast tokenizer, which tells where pieces stand in a text",
            where=reference.name,
            hint="save a tokenizer.json beside the model",
        )
    pad = tokenizer.pad_token_id
    if pad is None:
        pad = config.pad_token_id if config.pad_token_id is not None else 0
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else pad
    vocabulary = Pieces.of(tokenizer.backend_tokenizer, pad, unknown, tokenizer.mask_token_id)
    config.pad_token_id = pad
    config.use_cache = False
    return Opened(reference, config, tokenizer, vocabulary)


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

    Raises ModelError where its head has no trained weights, its weights are pickled, or its
    attention cannot be intervened on.
    """
    reference = opened.reference
    folder = reference.folder
    if folder is not None and not _has(folder, _SAFE):
        pickled = _has(folder, _PICKLED)
        raise ModelError(
            "has its weights only in pickle form" if pickled else "has no model.safetensors",
            where=folder,
            hint="convert them where you trust them: load the model with transformers and call"
            " save_pretrained, which writes safetensors"
            if pickled
            else "save the model with save_pretrained",
        )
    labels = len(opened.labels)
    if labels < 2:
        raise ModelError(
            "predicts a number, not a class", where=reference.name, hint="audit a classifier"
        )
    if opened.config.problem_type == "multi_label_classification":
        raise ModelError(
            "gives several labels to a text, and the audits need one class",
            where=reference.name,
        )
    network, info = _network(opened, dtype, device_map)
    lacking = sorted({*info["missing_keys"], *(str(k[0]) for k in info["mismatched_keys"])})
    if lacking:
        kinds = ", ".join(opened.config.architectures or ()) or "not said"
        raise ModelError(
            f"has no trained classification head: {_few(lacking)} would be random"
            f" (its architecture: {kinds})",
            where=reference.name,
            hint="fine-tune it as a sequence classifier first, with `attnaudit train`",
        )
    return classifier_of(network, opened)


def _network(
    opened: Opened, dtype: torch.dtype, device_map: str | None, **more: Any
) -> tuple[nn.Module, Mapping[str, Any]]:
    """The network under its own attention, and what was said while loading it."""
    placed = {} if device_map is None else {"device_map": device_map}
    with _explained(opened.reference, "its weights cannot be read"):
        network, info = AutoModelForSequenceClassification.from_pretrained(
            opened.reference.name,
            config=opened.config,
            attn_implementation="eager",
            use_safetensors=True,
            output_loading_info=True,
            **{_DTYPE: dtype},
            **placed,
            **more,
            **opened.reference.options,
        )
    return network.eval(), info


def classifier_of(network: nn.Module, opened: Opened) -> TransformerClassifier:
    """`network`, loaded under its own attention, put under ours and checked; raises ModelError."""
    example = example_batch(opened.vocabulary).to(next(network.parameters()).device)
    try:
        with torch.no_grad():
            ids, mask = example.ids, example.mask.long()
            before = network(input_ids=ids, attention_mask=mask).logits
        network.set_attn_implementation(register())  # type: ignore[operator]
        model = TransformerClassifier(network, example)
        with torch.no_grad():
            after = model(example)
    except ModelError as error:
        raise ModelError(error.what, where=opened.reference.name, hint=error.hint) from error
    except Exception as error:
        first = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelError(
            f"its attention cannot be intervened on ({first})", where=opened.reference.name
        ) from error
    if not agree(after, before):
        raise ModelError(
            "its attention cannot be intervened on: it does more than weigh and average (position"
            " biases, attention sinks or the like)",
            where=opened.reference.name,
        )
    return model


def example_batch(vocabulary: Pieces) -> Batch:
    """Two texts of different lengths, the longer one first, of ordinary pieces."""
    ordinary = [i for i in range(len(vocabulary)) if i not in _specials(vocabulary)][-64:]
    rows = [[*vocabulary.single.before, *ordinary[:n], *vocabulary.single.after] for n in (9, 5)]
    width = len(rows[0])
    short = [*rows[1], *[vocabulary.pad] * (width - len(rows[1]))]
    words = torch.full((2, width), OUTSIDE)
    for b, n in enumerate((9, 5)):
        start = len(vocabulary.single.before)
        words[b, start : start + n] = torch.arange(n)
    places = torch.arange(width)
    mask = torch.stack([places < len(row) for row in rows])
    nothing = torch.zeros(2, dtype=torch.long)
    ids = torch.tensor([rows[0], short])
    return Batch(ids, mask, words, nothing, torch.arange(2), pad=vocabulary.pad)


def _specials(vocabulary: Pieces) -> frozenset[int]:
    frames = (vocabulary.single, vocabulary.pair)
    around = {i for f in frames for part in (f.before, f.between, f.after) for i in part}
    return frozenset(around | {vocabulary.pad, vocabulary.unknown})


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@contextmanager
def _explained(reference: Reference, what: str) -> Iterator[None]:
    """Turns what transformers and the hub raise into one line; quiet while it loads."""
    before = transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        asks_trust = "trust_remote_code" in str(error)
        raise ModelError(
            "needs code of its repository, which attnaudit never runs"
            if asks_trust
            else f"{what} ({lines[0].rstrip('.')})",
            where=reference.name,
            hint=None
            if asks_trust or reference.folder is not None
            else "check the id and --revision, or download it and name the folder",
        ) from error
    finally:
        transformers.logging.set_verbosity(before)
        if bars:
            transformers.logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def facts_of(opened: Opened, model: TransformerClassifier) -> dict[str, Any]:
    """What reports say of the model."""
    folder = opened.reference.folder
    facts: dict[str, Any] = {
        "kind": "transformer",
        "architecture": type(model.network).__name__,
        "layers": len(model.anatomy.blocks),
        "row": "[CLS]" if model.anatomy.row == "first" else "last token",
        "revision": None if folder else opened.reference.revision,
        "transformers": transformers.__version__,
    }
    if folder is not None:
        facts["sha256"] = sha256_folder(folder)
    return facts
