"""How every audit sees a model: encode, attend, read.

Every test in the debate asks what the model would have said, had it attended differently. A model
therefore shows three steps: `encode` runs everything below the audited attention once, `attend`
gives its weights, and `read` says what the model answers under any other weights.

Letters in shape comments: B batch, V variants, H heads, Q rows, T tokens, C classes, D dimensions.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

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

    @property
    def reachable(self) -> Tensor:
        """The positions that the weights can lie on: (B, T), or (B, Q, T) row by row."""
        return self.attendable

    @property
    def entries(self) -> Tensor:
        """The weights that audits change: (B, T), or (B, Q, T) where many rows are audited."""
        return self.content


@dataclass(frozen=True)
class ManyRows(Encoded):
    """What `encode` gives at a site of many rows, see `AttentionModel.many_rows`.

    `reach` (B, Q, T): the positions that row q can put weight on. A row that does not count, such
    as one of padding, has none. `attendable` holds what any row can put weight on.
    """

    reach: Tensor

    @property
    @override
    def reachable(self) -> Tensor:
        return self.reach

    @property
    @override
    def entries(self) -> Tensor:
        return self.reach & self.content.unsqueeze(1)


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
class Keys:
    """What the attention weights are the softmax of, over the attendable positions.

    The scores of head h are `vectors[h] @ query[h]`, limited to +-`softcap` by a tanh where it is
    not None, plus `bias`. `vectors` (B, H, T, K), already scaled; `query` (B, H, K); `bias` (B, 1
    or H, T), None where nothing is added; positions that are not attendable mean nothing.
    """

    vectors: Tensor
    query: Tensor
    bias: Tensor | None = None
    softcap: float | None = None


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
class Joined:
    """How what the heads of a layer give joins the states that the layer begins with: it is added.

    `output` (H, D, M) is the map of each head's average, and `bias` (M,) what is added after it;
    None for none. `norm` is the LayerNorm that the sum goes through before all else, None where the
    sum itself goes on beside what is computed from it.
    """

    output: Tensor
    bias: Tensor | None
    norm: nn.LayerNorm | None


@dataclass(frozen=True)
class Inlet:
    """The affine map of each token alone by which its embedding enters a model.

    `weight` (G, D) and `bias` (G,): the map gives `weight @ e + bias`. No gradient flows to them.
    """

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class ModelSpec:
    """What the tool tells a model about the task: words, classes, and whether texts are pairs."""

    vocabulary: Vocabulary
    labels: tuple[str, ...]
    paired: bool = False


class AttentionModel(nn.Module, abc.ABC):
    """A classifier seen through its attention; subclass it to have your own model audited.

    Three methods give every audit that does not retrain: `encode`, `attend` and `read`. `embed`
    reads the attribute `embedding` unless you override it. A model computes in eval mode, does
    not depend on the padding of its batch, and answers the same when asked twice; `check_laws`
    refuses one that does not.

    Optional capabilities, found by name (see `capability`):

    * `token_logits(encoded) -> (logits (B, T, C), bias (C,))`: the readout is linear, and
      `read(encoded, alpha)` equals `sum_t alpha_t logits_t + bias`.
    * `read_some(encoded, alpha, asked) -> logits (N, C)`: what `read` gives for the variants that
      are `asked` (B, V) alone, text by text.
    * `encode_deletions(batch, first, last) -> Encoded`: the texts of a batch without padding, each
      token a word, with content tokens `first` to `last - 1` deleted one at a time; B * (last -
      first) rows, the deletions of one text next to each other.
    * `encode_locally(batch, embeddings) -> Encoded`: the values of `encode`, with a graph in which
      the state at t depends on the embedding at t alone (what is around it held constant).
    * `inlet() -> Inlet`, and `encode_inlet(batch, entered) -> Encoded`: for models whose embeddings
      enter by one affine map of each token alone. The map, and what `encode` gives from what it
      makes of them, `entered` (B, T, G), through which gradients flow. The map is None for none.
    * `values(encoded) -> Values`.
    * `keys(encoded) -> Keys`, or None where the weights are no softmax of products of keys with a
      query that are at hand.
    * `begun(batch) -> (B, T, M)`: for models with an `audited_row`. The states that the audited
      layer begins with; None where they are not at hand.
    * `encode_begun(batch, states) -> Encoded`: for models with `begun`. What `encode` gives if the
      audited layer begins with these `states` (B, T, M), through which gradients flow.
    * `trace(batch) -> list[Layer]`: every layer, the audited one last. It describes what no
      intervention reaches, and is never kept for a data set.
    * `audited_row(batch) -> (B,)`: for models with a `trace`. The position whose row of the last
      layer is the audited attention.
    * `joins() -> tuple[Joined | None, ...]`: for models with a `trace`. How the attention of each
      layer joins its states, by the parameters; None where it is not simply added to them.
    * `without_values(batch, layers) -> list of (B, T, T)`: for models with a `trace`. For each of
      the `layers`, numbers from 0, how far what it gives at position i moves, in cosine distance,
      if the values of position j are 0 in all heads and nothing else changes.
    * `attention_graph(batch) -> (logits (B, C), list of (B, H, T, T))`: for models with a `trace`.
      What they answer, and the attention of each layer, in a graph from the one to the other; the
      first layer's is a leaf. Gradients of the logits at the weights of a layer flow through all
      that lies above it.
    * `uniform_layers(batch) -> logits (B, C)`: for models with more attention than the audited one.
      What they answer if in each of their attentions, in every row and head, the content entries
      that a row may attend to share their mass evenly.
    * `at_layer(layer) -> AttentionModel`: for models of several layers. The same model at another
      site: every row of that layer, counted from 1 at the bottom. Raises InputError for a layer
      that it does not have.
    * `other_site(name) -> AttentionModel`: for models with several kinds of attention at the row
      that the answer is read from. The same model at another of these sites. Raises InputError for
      a name that it does not have. The reports of such a model always name its site.
    * `of_output(output) -> AttentionModel`: for models that give several labels to a text, each by
      an output of its own. The same model, asked whether a text has that label: two classes, with
      the logits [0, z] of the output.
    * `scale_heads(batch, factors, dropped) -> logits (B, C)`: for models with `layer_count` layers
      of `head_count` heads. What they answer if what each head gives at each position, before the
      output projection, is multiplied by its factor, and no row attends to a dropped position.
      `factors` (B or 1, layers, heads, T or 1), any real numbers, through which gradients flow;
      `dropped` (B, T) is true at the positions whose keys no row sees, None for no such. A row that
      no key is left for gets zeros from the attention.
    * `parted(barrier) -> AttentionModel`: for models whose words see each other below the audited
      row. The same model in which words for which `barrier(batch)` (B, T) is true see none of the
      other positions in any layer, nor these them; only the audited row sees all of them, and none
      but itself sees that row.
    * `layer_states(batch) -> list of (B, T, M)`: what the first layer begins with, and what each
      layer gives, the last one at the end. The first is a leaf that the others have a gradient in.
    * `paths(batch, baseline, target, steps, room) -> Paths`, `replaced(batch, baseline, room) ->
      Replaced`: for models with `layer_count` layers of `head_count` heads. The derivatives of an
      answer along paths through the layers, and answers in which states and heads are replaced; of
      one text, whose embeddings are (1, T, D) as those of its `baseline`. See the modules `paths`
      and `replacing` of models.transformer.
    * `states(encoded) -> (B, T, M)`: what the audited attention reads of each position; with a
      graph, where the batch was encoded with one.
    * `quietly() -> context manager`: within it the library of the model keeps its notes to itself.
      Each call of the model does that too; to have it done before takes less time.
    * `word_vectors() -> (W, D)`: the embeddings of all words, in which `embed` looks them up.
    * `within(batch, encoded) -> (model, batch, encoded)`: for models around another one, which
      shares their parameters. That one, and what it sees of a batch that they have encoded.
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

    many_rows: bool = False
    """Whether many rows of the attention are audited, not the one that the answer is read from.

    Then `encode` gives `ManyRows`, `attend` gives (B, H, Q, T) and `read` takes (B, V, H, Q, T). A
    row that does not count is 0, and what `read` is given there changes no answer. An intervention
    acts on all rows that count at once, see `questions.variants`.
    """

    site: str = "every row"
    """What reports call the site where many rows are audited, or one row of several kinds."""

    answer_cost: float | None = None
    """What an answer under given weights costs, as a share of a forward pass; None: little."""

    layer_count: int | None = None
    """The layers of attention, for a model whose heads can be looked at layer by layer."""

    def embed(self, batch: Batch) -> Tensor:
        """Input embeddings (B, T, D): where gradients are taken."""
        embedding = self.get_submodule("embedding")
        embedded: Tensor = embedding(batch.ids)
        return embedded

    def embedding_table(self) -> Tensor | None:
        """Embeddings (words, D) of all words, as `embed` gives them; None: not at hand."""
        table = getattr(self, "embedding", None)
        return table.weight if isinstance(table, nn.Embedding) else None

    @abc.abstractmethod
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Encoded:
        """Everything below the audited attention, from `embeddings` (default `embed(batch)`)."""

    @abc.abstractmethod
    def attend(self, encoded: Encoded) -> Tensor:
        """Attention (B, H, T): each head a distribution over the attendable positions.

        Of `many_rows` (B, H, Q, T).
        """

    @abc.abstractmethod
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        """Logits (B, V, C) under the weights `alpha` (B, V, H, T); any real weights are legal.

        Of `many_rows` they are (B, V, H, Q, T).

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

    Raises ValueError on a CPU if a row has no position to attend to. On another device its softmax
    is NaN, which audits refuse: to look for such a row would make the host wait at each call.
    """
    if mask.device.type == "cpu" and not bool(mask.any(-1).all()):
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
    axes = "batch, heads, rows, tokens" if model.many_rows else "batch, heads, tokens"
    reachable = encoded.reachable.unsqueeze(1)  # (B, 1, T), or (B, 1, Q, T)
    law(
        alpha.ndim == reachable.ndim == axes.count(",") + 1
        and (alpha.shape[0], alpha.shape[-1]) == batch.ids.shape
        and alpha.shape[2:] == reachable.shape[2:],
        f"its attention has shape {tuple(alpha.shape)}, not ({axes})",
    )
    model.head_count = alpha.shape[1]
    law(
        bool((alpha >= 0).all())
        and bool((alpha.masked_fill(reachable, 0) == 0).all())
        and same(alpha.sum(-1), reachable.any(-1).to(alpha).expand(alpha.shape[:-1])),
        "its attention is not a distribution over the attendable positions",
    )
    law(not bool((encoded.attendable & ~batch.mask).any()), "padding is attendable")
    law(
        not bool((encoded.content & ~(encoded.attendable & batch.content)).any()),
        "content lies outside the attendable positions, or is not a word of the text",
    )
    own = model.read(encoded, alpha.unsqueeze(1))[:, 0]
    law(same(own, plain), "reading its own attention does not give its own logits")
    spread = reachable / reachable.sum(-1, keepdim=True).clamp_min(1)
    uniform = spread.expand_as(alpha).to(alpha.dtype)
    variants = torch.stack([uniform, alpha, torch.zeros_like(alpha)], dim=1)  # (B, 3, H, [Q,] T)
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
