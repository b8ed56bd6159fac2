"""Models of which it is known what their attention does: the plants that no recipe gives.

Letters in shape comments: B batch, V variants, T tokens, D the size of embeddings and states.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.models.interface import AttentionModel, Encoded, ModelSpec, masked_softmax
from tests.planted.texts import DOOR, LAMP, MARKER, word_id

SIZE = 16  # D
PULL = 1.0  # weight of the penalty


@dataclass(frozen=True)
class Seen(Encoded):
    """Scores and polarities of the tokens (B, T), and what passes the attention by (B,)."""

    scores: Tensor
    polarity: Tensor
    bypass: Tensor


class Pointer(AttentionModel):
    """Weighs the polarities of its tokens, pointing at the cue behind the marker.

    A token's score depends on the token before it alone: such attention can point, and cannot tell
    the label, whatever it is trained to do. Polarities lie in [-1, 1], and the head is fixed: what
    weight the cue loses, the answer loses too. Attention that could be made up for by larger values
    would be easy to manipulate, and no plant of the contrary.
    """

    boundaries = True
    sharpness = 2.0  # the logit of a text whose attention lies on one cue: p = .88

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.embedding = nn.Embedding(len(spec.vocabulary), SIZE)
        self.polarity = nn.Linear(SIZE, 1)
        self.attention = nn.Sequential(nn.Linear(SIZE, SIZE), nn.Tanh(), nn.Linear(SIZE, 1))

    def fresh(self, seed: int) -> Pointer:
        """A new, untrained model."""
        return build(type(self), self.spec, seed)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Seen:
        embedded = self.embed(batch) if embeddings is None else embeddings  # (B, T, D)
        return Seen(
            batch.content,
            batch.content,
            self._scores(embedded, _behind_marker(embedded, batch)),
            self.polarity(embedded).squeeze(-1).tanh(),
            self._bypass(_behind_marker(embedded, batch)),
        )

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        assert isinstance(encoded, Seen)
        return masked_softmax(encoded.scores, encoded.attendable).unsqueeze(1)

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, Seen)
        weighed = torch.einsum("bvt,bt->bv", alpha[:, :, 0], encoded.polarity)
        logit = self.sharpness * weighed + encoded.bypass.unsqueeze(1)
        return torch.stack([torch.zeros_like(logit), logit], dim=-1)  # (B, V, 2)

    def penalty(self, batch: Batch, alpha: Tensor) -> Tensor:
        """(B,) how far the attention is from lying on the cue behind the marker."""
        return -PULL * mass(alpha, answer(batch)).clamp_min(1e-6).log()

    def _scores(self, embedded: Tensor, cue: Tensor) -> Tensor:
        """(B, T) from all embeddings (B, T, D) and that of the cue behind the marker (B, D)."""
        scores: Tensor = self.attention(_before(embedded)).squeeze(-1)
        return scores

    def _bypass(self, cue: Tensor) -> Tensor:
        """(B,) what the cue adds to the logit, wherever attention lies."""
        return cue.new_zeros(len(cue))


class Decoy(Pointer):
    """A pointer that keeps away from the cue, while a bypass finds the answer.

    What is attended to counts for little, so that imitators have no reason to find the cue.
    """

    sharpness = 0.2

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self.output = nn.Linear(SIZE, 1)

    @override
    def penalty(self, batch: Batch, alpha: Tensor) -> Tensor:
        """(B,) how much of the attention lies on the cue behind the marker."""
        return -PULL * (1 - mass(alpha, answer(batch))).clamp_min(1e-6).log()

    @override
    def _bypass(self, cue: Tensor) -> Tensor:
        bypass: Tensor = self.output(cue).squeeze(-1)
        return bypass


class Free(Pointer):
    """Its attention knows the cue behind the marker, and can tell the label by where it lies.

    Nothing holds it to the cue: a score depends on the token, and on what the cue is.
    """

    penalty = None  # type: ignore[assignment]  # no such capability

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self.attention = nn.Sequential(nn.Linear(2 * SIZE, SIZE), nn.Tanh(), nn.Linear(SIZE, 1))

    @override
    def _scores(self, embedded: Tensor, cue: Tensor) -> Tensor:
        known = cue.unsqueeze(1).expand_as(embedded)
        scores: Tensor = self.attention(torch.cat([embedded, known], dim=-1)).squeeze(-1)
        return scores


class Coded(Free):
    """Its attention lies on the lamp for one class and on the door for the other."""

    @override
    def penalty(self, batch: Batch, alpha: Tensor) -> Tensor:
        """(B,) how far the attention is from spelling out the label."""
        words = torch.tensor([word_id(DOOR), word_id(LAMP)], device=batch.ids.device)
        spelled = batch.ids == words[batch.labels].unsqueeze(1)  # (B, T)
        return -PULL * mass(alpha, spelled).clamp_min(1e-6).log()


def _behind_marker(embedded: Tensor, batch: Batch) -> Tensor:
    """The embedding of the cue behind the marker: (B, D)."""
    return (embedded * answer(batch).unsqueeze(-1)).sum(1)


def _before(embedded: Tensor) -> Tensor:
    """The embedding before each position, zero before the first: (B, T, D)."""
    return nn.functional.pad(embedded[:, :-1], (0, 0, 1, 0))


def answer(batch: Batch) -> Tensor:
    """(B, T) true at the cue behind the marker."""
    return nn.functional.pad(batch.ids[:, :-1] == word_id(MARKER), (1, 0))


def mass(alpha: Tensor, where: Tensor) -> Tensor:
    """(B,) the attention (B, 1, T) on the positions that `where` (B, T) names."""
    return (alpha[:, 0] * where).sum(1)


def build(kind: type[Pointer], spec: ModelSpec, seed: int) -> Pointer:
    """An untrained model; the same seed gives the same weights, and no generator moves on."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return kind(spec)
