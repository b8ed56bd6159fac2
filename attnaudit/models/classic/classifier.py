"""The classic attention classifiers of Jain & Wallace 2019: one text, or a text and a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pydantic
import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.config import Settings
from attnaudit.data.batch import Batch
from attnaudit.data.vocabulary import PAD
from attnaudit.models.classic.attentions import ATTENTIONS
from attnaudit.models.classic.encoders import CNN, ENCODERS
from attnaudit.models.interface import (
    AttentionModel,
    Encoded,
    Inlet,
    Keys,
    ModelSpec,
    Values,
    masked_softmax,
)

WIDEST = 2**14  # a size that a machine can hold, and that no published model of the kind has


class Recipe(Settings):
    """The architecture of a classic model; the defaults are J&W's for single texts."""

    encoder: Literal["bilstm", "orthogonal_bilstm", "cnn", "average"] = "bilstm"
    embedding: int = pydantic.Field(
        300, ge=1, le=WIDEST, description="size; the size of `vectors`, if given"
    )
    hidden: int = pydantic.Field(
        128, ge=4, le=WIDEST, description="BiLSTM: for each direction; others: in total"
    )
    attention: Literal["additive", "dot", "uniform"] = "additive"

    @property
    def state_size(self) -> int:
        """How many numbers a state has."""
        return self.hidden * (2 if "bilstm" in self.encoder else 1)

    @pydantic.model_validator(mode="after")
    def _check_filters(self) -> Recipe:
        kernels = len(CNN.kernels)
        if self.encoder == "cnn" and self.hidden % kernels:
            raise ValueError(
                f"hidden {self.hidden} is not a multiple of {kernels}, the number of kernel "
                "sizes of a CNN"
            )
        return self


@dataclass(frozen=True)
class Hidden(Encoded):
    """States (B, T, M), and for pairs the encoded query (B, M)."""

    states: Tensor
    query: Tensor | None


@dataclass(frozen=True)
class Shorter(Encoded):
    """Texts that lack a word each: of their words what is needed, in place of states.

    Scores (B, T) of the attention, and what is `averaged` (B, T, K); for pairs the encoded query
    (B, M).
    """

    scores: Tensor
    averaged: Tensor
    query: Tensor | None


class ClassicModel(AttentionModel):
    """Embedding, encoder, attention, head; one attention head, content = attendable.

    Binary models have one unit z and answer [0, z]. Build it with `build_classic`.
    """

    boundaries = True
    head_count = 1

    def __init__(self, recipe: Recipe, spec: ModelSpec) -> None:
        super().__init__()
        self.recipe, self.spec = recipe, spec
        pad = spec.vocabulary.pad
        self.embedding = _table(len(spec.vocabulary), recipe.embedding, pad)
        self.encoder = ENCODERS[recipe.encoder](recipe.embedding, recipe.hidden)
        self.attention = ATTENTIONS[recipe.attention](self.encoder.width, spec.paired)
        self.units = 1 if len(spec.labels) == 2 else len(spec.labels)

    def fresh(self, seed: int) -> ClassicModel:
        """A new, untrained model of the same recipe."""
        return build_classic(self.recipe, self.spec, seed)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Hidden:
        embedded = self.embed(batch) if embeddings is None else embeddings
        return self._hidden(batch, self.encoder(embedded, batch.mask))

    def encode_locally(self, batch: Batch, embeddings: Tensor) -> Hidden:
        """See `AttentionModel`."""
        return self._hidden(batch, self.encoder.local(embeddings, batch.mask))

    def inlet(self) -> Inlet | None:
        """See `AttentionModel`."""
        return self.encoder.inlet()

    def encode_inlet(self, batch: Batch, entered: Tensor) -> Hidden:
        """See `AttentionModel`."""
        return self._hidden(batch, self.encoder.from_inlet(entered, batch.mask))

    def encode_deletions(self, batch: Batch, first: int, last: int) -> Shorter:
        """See `AttentionModel`."""
        margin = int(self.boundaries)  # <SOS> and <EOS>, which nobody reads
        embeddings, query = self.embed(batch), self._query(batch)
        weight, bias = (part.to(embeddings) for part in self.attention.linear())
        read = self._averaged.weight
        both = torch.cat([weight, read]), torch.cat([bias, bias.new_zeros(len(read))])
        seen = self.encoder.deletions(embeddings, margin + first, margin + last, *both, margin)
        content = batch.content[:, margin : margin + len(seen)]
        variants = last - first
        return Shorter(
            attendable=content.repeat_interleave(variants, 0),
            content=content.repeat_interleave(variants, 0),
            scores=self.attention.scores(seen[..., : len(bias)], query)
            .permute(2, 1, 0)
            .flatten(0, 1),
            averaged=seen[..., len(bias) :].permute(2, 1, 0, 3).flatten(0, 1),
            query=None if query is None else query.repeat_interleave(variants, 0),
        )

    @property
    def _averaged(self) -> nn.Linear:
        """The linear map that is taken of the average of the states."""
        raise NotImplementedError

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        if isinstance(encoded, Shorter):
            return masked_softmax(encoded.scores, encoded.attendable).unsqueeze(1)
        assert isinstance(encoded, Hidden)
        scores = self.attention(encoded.states, encoded.query)
        return masked_softmax(scores, encoded.attendable).unsqueeze(1)  # (B, 1, T)

    def keys(self, encoded: Encoded) -> Keys | None:
        """See `AttentionModel`."""
        assert isinstance(encoded, Hidden)
        found = self.attention.keys(encoded.states, encoded.query)
        if found is None:
            return None
        keys, query = (part.unsqueeze(1) for part in found)
        return Keys(keys, query)

    def states(self, encoded: Encoded) -> Tensor:
        """See `AttentionModel`."""
        assert isinstance(encoded, Hidden)
        return encoded.states

    def word_vectors(self) -> Tensor:
        """See `AttentionModel`."""
        return self.embedding.weight

    def _hidden(self, batch: Batch, states: Tensor) -> Hidden:
        return Hidden(batch.content, batch.content, states, self._query(batch))

    def _query(self, batch: Batch) -> Tensor | None:
        return None

    def _context(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        """(B, V, K) what `_averaged` makes of the average."""
        if isinstance(encoded, Shorter):
            # A product of matrices takes longer where they are so small.
            each = alpha[:, :, 0].unsqueeze(-1) * encoded.averaged.unsqueeze(1)  # (B, V, T, K)
            return each.sum(2) + self._averaged.bias
        assert isinstance(encoded, Hidden)
        context: Tensor = self._averaged(alpha[:, :, 0] @ encoded.states)
        return context

    def _logits(self, units: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(units), units], dim=-1) if self.units == 1 else units


class TextClassifier(ClassicModel):
    """One text: the logits are linear in the attention."""

    def __init__(self, recipe: Recipe, spec: ModelSpec) -> None:
        super().__init__(recipe, spec)
        self.output = nn.Linear(self.encoder.width, self.units)

    @property
    @override
    def _averaged(self) -> nn.Linear:
        return self.output

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        return self._logits(self._context(encoded, alpha))

    def token_logits(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """See `AttentionModel`."""
        assert isinstance(encoded, Hidden)
        units = encoded.states @ self.output.weight.T  # (B, T, units)
        return self._logits(units), self._logits(self.output.bias)

    def values(self, encoded: Encoded) -> Values:
        """See `AttentionModel`."""
        assert isinstance(encoded, Hidden)
        return Values(encoded.states.unsqueeze(1), self.output.weight.T.unsqueeze(0))


class PairClassifier(ClassicModel):
    """A text and a query: logits = W tanh(P h_alpha + R Q), inner size M/2.

    The query has an embedding and an encoder of its own, as in the authors' models; the attended
    side alone is explained. How CNN and Average sum up a query (largest and mean state) is our
    choice: the paper does not say.
    """

    def __init__(self, recipe: Recipe, spec: ModelSpec) -> None:
        super().__init__(recipe, spec)
        width = self.encoder.width
        self.query_embedding = _table(len(spec.vocabulary), recipe.embedding, PAD)
        self.query_encoder = ENCODERS[recipe.encoder](recipe.embedding, recipe.hidden)
        self.text_projection = nn.Linear(width, width // 2)
        self.query_projection = nn.Linear(width, width // 2)
        self.output = nn.Linear(width // 2, self.units)

    @override
    def _query(self, batch: Batch) -> Tensor | None:
        assert batch.query_ids is not None
        assert batch.query_mask is not None
        embedded = self.query_embedding(batch.query_ids)
        states = self.query_encoder(embedded, batch.query_mask)
        summary: Tensor = self.query_encoder.summary(states, batch.query_mask)
        return summary  # (B, M)

    @property
    @override
    def _averaged(self) -> nn.Linear:
        return self.text_projection

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, Hidden | Shorter)
        inner = self._context(encoded, alpha)  # (B, V, M/2)
        inner = inner + self.query_projection(encoded.query).unsqueeze(1)
        return self._logits(self.output(inner.tanh()))

    def values(self, encoded: Encoded) -> Values:
        """See `AttentionModel`."""
        assert isinstance(encoded, Hidden)
        return Values(encoded.states.unsqueeze(1), self.text_projection.weight.T.unsqueeze(0))


def _table(words: int, width: int, pad: int) -> nn.Embedding:
    """Embeddings (words, width) as `nn.Embedding` draws them, but none where there is no memory.

    On the meta device torch would import its compiler for it, which takes two seconds.
    """
    vectors = torch.empty(words, width)
    if not vectors.is_meta:
        nn.init.normal_(vectors)
        vectors[pad] = 0
    made: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        vectors, freeze=False, padding_idx=pad
    )
    return made


def build_classic(recipe: Recipe, spec: ModelSpec, seed: int) -> ClassicModel:
    """An untrained model; the same seed gives the same weights, and no generator moves on."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed GPUs too
        return (PairClassifier if spec.paired else TextClassifier)(recipe, spec)
