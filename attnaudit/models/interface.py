"""How every audit sees a model: encode, attend, read.

Every test in the debate asks: what would the model answer if it attended differently? So a model
must offer three steps. `encode` runs everything below the audited attention once. `attend` gives
the attention weights. `read` says what the model answers with any other weights.

Letters in shape comments: B batch, V variants, H heads, T tokens, C classes, D dimensions.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attnaudit.data.batch import Batch
from attnaudit.data.vocabulary import UNK, Vocabulary
from attnaudit.errors import ModelError


@dataclass(frozen=True)
class Encoded:
    """What `encode` gives to `attend` and `read`. Models subclass it and add what they need.

    `attendable` (B, T): the positions to which the audited attention can give weight. `content` (B,
    T): those of them that an explanation is about. In a classic model both are the same.
    """

    attendable: Tensor
    content: Tensor


@dataclass(frozen=True)
class Values:
    """The vectors that the attention weights average.

    `vectors` (B, H, T, D); `output` (H, D, out) the linear map applied to each head's average
    before anything non-linear, None where there is none. `residual` (B, out) what that is added
    to, None where nothing bypasses the attention.
    """

    vectors: Tensor
    output: Tensor | None
    residual: Tensor | None = None


@dataclass(frozen=True)
class Layer:
    """One layer of a deep model, on a batch.

    `alpha` (B, H, T, T): row i is the attention of position i; rows of padding mean nothing.
    `values` (B, H, T, D), what it averages; `states` (B, T, M), what the layer begins with.
    """

    alpha: Tensor
    values: Tensor
    states: Tensor


@dataclass(frozen=True)
class ModelSpec:
    """What the tool tells a model about the task: words, classes, and whether texts are pairs."""

    vocabulary: Vocabulary
    labels: tuple[str, ...]
    paired: bool = False


class AttentionModel(nn.Module, abc.ABC):
    """A classifier seen through its attention. Subclass it to audit your own model.

    Three methods are enough for all audits that do not train models: `encode`, `attend` and `read`.
    `embed` reads the attribute `embedding` unless you override it. A model must compute in eval
    mode, must not depend on the padding of its batch, and must give the same answer twice.
    `check_laws` refuses a model that does not.

    Optional capabilities, found by name (see `capability`):

    * `token_logits(encoded) -> (logits (B, T, C), bias (C,))`: the readout is linear, and
      `read(encoded, alpha)` equals `sum_t alpha_t logits_t + bias`.
    * `encode_deletions(batch, first, last) -> Encoded`: the texts of a batch without padding, each
      token a word, with content tokens `first` to `last - 1` deleted one at a time; B * (last -
      first) rows, the deletions of one text next to each other.
    * `encode_locally(batch, embeddings) -> Encoded`: the values of `encode`, with a graph in which
      the state at t depends on the embedding at t alone (what is around it held constant).
    * `values(encoded) -> Values`.
    * `trace(batch) -> list[Layer]`: every layer, the audited one last. It describes what no
      intervention reaches, and is never kept for a data set.
    * `uniform_layers(batch) -> logits (B, C)`: for models with more attention than the audited one.
      What they answer if in each of their attentions, in every row and head, the content entries
      that a row may attend to share their mass evenly.
    * `fresh(seed) -> AttentionModel`: a new, untrained instance of the same recipe (`trainable`).
    """

    boundaries: bool = False
    """Whether the tool frames texts with <SOS> and <EOS>: encoded, never attended."""

    mask_token: int | None = None
    """The id of the mask token, which stands for a hidden word; None if the model was not trained
    with one."""

    vocabulary: Vocabulary | None = None
    """The words that the model was trained with, if a plug-in has its own; None means the words of
    the data."""

    unknown_token: int | None = UNK
    """The id of a word that the model does not know; None where it has none of its own.

    A plug-in that brings a `vocabulary` gets the one of that, unless it sets this itself.
    """

    head_count: int | None = None
    """The heads of the audited attention; None before `check_laws` has looked."""

    def embed(self, batch: Batch) -> Tensor:
        """Input embeddings (B, T, D): where gradients are taken."""
        embedding = self.get_submodule("embedding")
        embedded: Tensor = embedding(batch.ids)
        return embedded

    @abc.abstractmethod
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Encoded:
        """Everything below the audited attention, from `embeddings` (default `embed(batch)`)."""

    @abc.abstractmethod
    def attend(self, encoded: Encoded) -> Tensor:
        """Attention (B, H, T): each head a distribution over the attendable positions."""

    @abc.abstractmethod
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        """Logits (B, V, C) under the weights `alpha` (B, V, H, T); any real weights are legal.

        A binary model has two logits, [0, z].
        """

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, C) of the plain model."""
        encoded = self.encode(batch)
        return self.read(encoded, self.attend(encoded).unsqueeze(1)).squeeze(1)

    def own_answer(self, batch: Batch) -> Tensor:
        """Logits (B, C) by the model's own code and its own attention: what a user of it gets.

        `forward`, unless the model is a library's, whose code answers without ours.
        """
        answered: Tensor = self(batch)
        return answered


def capability(model: AttentionModel, name: str) -> Callable[..., Any] | None:
    """The model's optional method `name`, or None: capabilities are asked for, never classes."""
    found = getattr(model, name, None)
    is_layer = isinstance(found, nn.Module)  # such as `self.values = nn.Linear(...)`
    return found if callable(found) and not is_layer else None


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax of `scores` over the last axis, where `mask` is true; exactly 0 elsewhere.

    Raises ValueError if a row has no position to attend to: its softmax would be NaN.
    """
    if not bool(mask.any(-1).all()):
        raise ValueError("a text has no position that can be attended to")
    return scores.masked_fill(~mask, -torch.inf).softmax(-1)


# Absolute, and relative to the largest logit.
TOLERANCES = {torch.float64: 1e-5, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def agree(a: Tensor, b: Tensor, dtype: torch.dtype | None = None) -> bool:
    """Whether two results are the same but for rounding, in what they were computed in."""
    tolerance = TOLERANCES[dtype or b.dtype]
    return a.shape == b.shape and bool((a - b).abs().max() <= tolerance * (1 + b.abs().max()))


@torch.no_grad()
def check_laws(model: AttentionModel, batch: Batch, classes: int) -> None:
    """Refuse a model on which audits would be wrong. `batch` must have texts of several lengths.

    Raises ModelError, which names the broken law. The laws are:

    * The logits are finite, one for each class. The same text twice gives the same answer.
    * The attention is a distribution over the attendable positions, and padding is not attendable.
    * Content is attendable and consists of words.
    * Reading the model's own attention gives the logits of the plain forward pass.
    * Any weights give finite logits. Variants do not influence each other.
    * Encoding the embeddings gives the same as encoding the ids, and other embeddings give
      something else (gradients are taken there).
    * Neither padding nor the other texts of a batch change an answer.
    """
    model.eval()
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    plain = model(batch)

    precision = next((p.dtype for p in model.parameters() if p.dtype in TOLERANCES), None)

    def same(a: Tensor, b: Tensor) -> bool:
        return agree(a, b, precision)

    def law(holds: bool, broken: str) -> None:
        if not holds:
            raise ModelError(f"the model cannot be audited: {broken}")

    law(
        plain.shape == (len(batch), classes),
        f"its logits have shape {tuple(plain.shape)}, not {(len(batch), classes)}",
    )
    law(bool(plain.isfinite().all()), "its logits are not finite")
    law(torch.equal(plain, model(batch)), "it gives different answers to the same text")
    law(
        alpha.ndim == 3 and alpha.shape[::2] == batch.ids.shape,
        f"its attention has shape {tuple(alpha.shape)}, not (batch, heads, tokens)",
    )
    attendable = encoded.attendable.unsqueeze(1)
    model.head_count = alpha.shape[1]
    law(
        bool((alpha >= 0).all())
        and bool((alpha.masked_fill(attendable, 0) == 0).all())
        and same(alpha.sum(-1), torch.ones_like(alpha[..., 0])),
        "its attention is not a distribution over the attendable positions",
    )
    law(not bool((encoded.attendable & ~batch.mask).any()), "padding is attendable")
    law(
        not bool((encoded.content & ~(encoded.attendable & batch.content)).any()),
        "content lies outside the attendable positions, or is not a word of the text",
    )
    own = model.read(encoded, alpha.unsqueeze(1))[:, 0]
    law(same(own, plain), "reading its own attention does not give its own logits")
    uniform = (attendable / attendable.sum(-1, keepdim=True)).expand_as(alpha).to(alpha.dtype)
    variants = torch.stack([uniform, alpha, torch.zeros_like(alpha)], dim=1)  # (B, 3, H, T)
    together = model.read(encoded, variants)
    alone = [model.read(encoded, variants[:, v : v + 1]) for v in range(3)]
    law(bool(together.isfinite().all()), "some weights give logits that are not finite")
    law(same(together, torch.cat(alone, dim=1)), "variants influence each other in `read`")
    embedded = model.encode(batch, model.embed(batch))
    elsewhere = model.encode(batch, 2 * model.embed(batch) + 1)
    law(
        same(model.read(embedded, alpha.unsqueeze(1))[:, 0], plain),
        "encoding its embeddings gives another result than encoding the ids",
    )
    law(
        not torch.equal(model.attend(elsewhere), alpha)
        or not torch.equal(model.read(elsewhere, variants), together),
        "neither its attention nor its answer depends on the embeddings given to `encode`",
    )
    shortest = batch.mask.sum(1).argmin().view(1)
    law(
        same(model(batch.select(shortest)), plain[shortest]),
        "padding, or the other texts of a batch, change its answer",
    )
