"""What may change on each rung of a search: the query, the state of the row, the embeddings.

Letters in shape comments: S starts, H heads, T tokens, K dimensions of keys, D of states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.errors import ModelError
from attnaudit.models.interface import AttentionModel, Encoded, Keys, masked_softmax
from attnaudit.questions.ladder.make.search import Look

AGREE = 1e-3  # how far the model's own weights and answers may be from those of a rung at 0


@dataclass(frozen=True)
class Query:
    """The query of each head may be any vector; keys, values and all else stay as they are.

    A unit of displacement moves the scores of a head by one standard deviation or so. `encoded` is
    of one text, and `alpha` (1, H, T) what the model attends to in it.
    """

    model: AttentionModel
    encoded: Encoded
    keys: Keys
    alpha: Tensor

    def __post_init__(self) -> None:
        """Raise ModelError where the model's own query does not give its attention."""
        own = self.weights(self.keys.query)
        if bool((own - self.alpha).abs().max() > AGREE):
            raise ModelError("its `keys` do not give its attention weights")

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, K)."""
        heads, size = self.keys.query.shape[1:]
        return heads, size

    def project(self, moved: Tensor) -> Tensor:
        """Any query is allowed."""
        return moved

    def look(self, moved: Tensor) -> Look:
        """See `search.Rung`."""
        alpha = self.weights(self.keys.query + self._unit * moved)
        said = self.model.read(self.encoded, alpha.unsqueeze(0))[0]  # (S, C)
        return Look(alpha, said.softmax(-1))

    def weights(self, query: Tensor) -> Tensor:
        """The attention (S, H, T) that queries (S, H, K) make."""
        scores = torch.einsum("htk,shk->sht", self.keys.vectors[0], query)
        if self.keys.softcap is not None:
            scores = self.keys.softcap * torch.tanh(scores / self.keys.softcap)
        if self.keys.bias is not None:
            scores = scores + self.keys.bias[0]
        return masked_softmax(scores, self.encoded.attendable.unsqueeze(1)).to(self.alpha)

    @cached_property
    def _unit(self) -> Tensor:
        """(H, 1) the length of a query that moves the scores by about 1."""
        there = self.keys.vectors[0][:, self.encoded.attendable[0]]  # (H, n, K)
        spread = (there - there.mean(1, keepdim=True)).square().mean((1, 2)).sqrt()
        return torch.where(spread > 0, 1 / spread.clamp_min(1e-12), 1).unsqueeze(1)


@dataclass(frozen=True)
class State:
    """The state of the audited row may move within a ball, before the audited layer begins.

    Its query moves, and with it what goes around the attention, and the row's own key and value.
    `batch` is of one text; `states` (1, T, D) what the layer begins with; `row` that row's place.
    """

    model: AttentionModel
    batch: Batch
    states: Tensor
    row: int
    radius: float
    encode: Callable[[Batch, Tensor], Encoded]

    @property
    def shape(self) -> tuple[int, ...]:
        """(D,)."""
        return (self.states.shape[-1],)

    def project(self, moved: Tensor) -> Tensor:
        """The ball has a radius of one unit."""
        return into_ball(moved)

    def look(self, moved: Tensor) -> Look:
        """See `search.Rung`."""
        states = self.states.repeat(len(moved), 1, 1)  # (S, T, D)
        each = torch.arange(len(moved), device=states.device)
        places = (each, torch.full_like(each, self.row))
        states = states.index_put(places, (self.radius * moved).to(states), accumulate=True)
        return _of(self.model, self.encode(_repeated(self.batch, len(moved)), states))


@dataclass(frozen=True)
class WordEmbeddings:
    """The embedding of each content token may move within a ball; special tokens stay.

    `batch` is of one text, and `embeddings` (1, T, D) what `embed` gives of it.
    """

    model: AttentionModel
    batch: Batch
    embeddings: Tensor
    radius: float

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, D)."""
        tokens, size = self.embeddings.shape[1:]
        return tokens, size

    def project(self, moved: Tensor) -> Tensor:
        """The ball of each word has a radius of one unit."""
        return into_ball(moved) * self.batch.content.unsqueeze(-1)

    def look(self, moved: Tensor) -> Look:
        """See `search.Rung`."""
        embeddings = self.embeddings + (self.radius * moved).to(self.embeddings)
        return _of(self.model, self.model.encode(_repeated(self.batch, len(moved)), embeddings))


def into_ball(moved: Tensor) -> Tensor:
    """The nearest vectors (..., D) of length up to 1."""
    inside: Tensor = moved / moved.norm(dim=-1, keepdim=True).clamp_min(1)
    return inside


def _of(model: AttentionModel, encoded: Encoded) -> Look:
    alpha = model.attend(encoded)  # (S, H, T)
    return Look(alpha, model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1))


def _repeated(batch: Batch, times: int) -> Batch:
    return batch.select(torch.zeros(times, dtype=torch.long, device=batch.ids.device))
