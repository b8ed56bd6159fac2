"""Models whose attention is told where to lie: what no recipe gives, and what all of these share.

Letters in shape comments: B batch, V variants, T tokens, D the size of embeddings and states.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.calibration.texts import MARKER, word_id
from attnaudit.data.batch import Batch
from attnaudit.models.interface import AttentionModel, Encoded, ModelSpec, masked_softmax

SIZE = 16  # D
PULL = 1.0  # weight of the penalty


@dataclass(frozen=True)
class Seen(Encoded):
    """Scores and polarities of the tokens (B, T), and what passes the attention by (B,).

    `scale` (B,) is the logit of a text whose attention lies on one cue.
    """

    scores: Tensor
    polarity: Tensor
    scale: Tensor
    bypass: Tensor


class Pointer(AttentionModel):
    """Weighs the polarities of its tokens, pointing at the cue behind the marker.

    A token's score depends on the token before it alone: such attention can point, and cannot tell
    the label, whatever it is trained to do. Polarities lie in [-1, 1], and the head is fixed: what
    weight the cue loses, the answer loses too. Attention that could be made up for by larger values
    would be easy to manipulate, and no plant of the contrary.

    Subclasses say by `goal` where attention is trained to lie, by `features` what a score is made
    of, and by `bypass` what the answer gets besides.
    """

    boundaries = True
    sharpness = 2.0  # the logit of a text whose attention lies on one cue: p = .88
    width = SIZE  # of the features

    def __init__(self, spec: ModelSpec, seed: int) -> None:
        super().__init__()
        self.spec = spec
        self.embedding = nn.Embedding(len(spec.vocabulary), SIZE)
        self.polarity = nn.Linear(SIZE, 1)
        self.attention = nn.Sequential(nn.Linear(self.width, SIZE), nn.Tanh(), nn.Linear(SIZE, 1))

    def fresh(self, seed: int) -> Pointer:
        """A new, untrained model."""
        return build(type(self), self.spec, seed)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Seen:
        embedded = self.embed(batch) if embeddings is None else embeddings  # (B, T, D)
        return Seen(
            batch.content,
            batch.content,
            self.scores(embedded, batch),
            self.polarity(self.valued(embedded)).squeeze(-1).tanh(),
            self.scale(batch),
            self.bypass(embedded, batch),
        )

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        assert isinstance(encoded, Seen)
        return masked_softmax(encoded.scores, encoded.attendable).unsqueeze(1)

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, Seen)
        weighed = torch.einsum("bvt,bt->bv", alpha[:, :, 0], encoded.polarity)
        logit = encoded.scale.unsqueeze(1) * weighed + encoded.bypass.unsqueeze(1)
        return torch.stack([torch.zeros_like(logit), logit], dim=-1)  # (B, V, 2)

    def penalty(self, batch: Batch, alpha: Tensor) -> Tensor:
        """(B,) how far the attention is from its goal."""
        return -PULL * mass(alpha, self.goal(batch)).clamp_min(1e-6).log()

    def goal(self, batch: Batch) -> Tensor:
        """(B, T) true where attention is to lie."""
        return behind(batch, MARKER)

    def features(self, embedded: Tensor, batch: Batch) -> Tensor:
        """(B, T, width) what a token's score is made of, from all embeddings (B, T, D)."""
        return before(embedded)

    def scores(self, embedded: Tensor, batch: Batch) -> Tensor:
        """(B, T) the scores that the softmax of attention is taken of."""
        found: Tensor = self.attention(self.features(embedded, batch)).squeeze(-1)
        return found

    def valued(self, embedded: Tensor) -> Tensor:
        """(B, T, D) the embedding whose polarity a position gives to the answer."""
        return embedded

    def scale(self, batch: Batch) -> Tensor:
        """(B,) the logit of a text whose attention lies on one cue."""
        return torch.full((len(batch),), self.sharpness, device=batch.ids.device)

    def bypass(self, embedded: Tensor, batch: Batch) -> Tensor:
        """(B,) what is added to the logit, wherever attention lies."""
        return embedded.new_zeros(len(embedded))


def build(kind: type[Pointer], spec: ModelSpec, seed: int) -> Pointer:
    """An untrained model; the same seed gives the same weights, and no generator moves on."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return kind(spec, seed)


def behind(batch: Batch, word: str) -> Tensor:
    """(B, T) true at what stands behind a word."""
    return nn.functional.pad(batch.ids[:, :-1] == word_id(word), (1, 0))


def at(batch: Batch, *words: str) -> Tensor:
    """(B, T) true at any of some words."""
    ids = torch.tensor([word_id(word) for word in words], device=batch.ids.device)
    return torch.isin(batch.ids, ids)


def cue(embedded: Tensor, batch: Batch) -> Tensor:
    """The embedding of the cue behind the marker, from all embeddings (B, T, D): (B, D)."""
    return (embedded * behind(batch, MARKER).unsqueeze(-1)).sum(1)


def before(embedded: Tensor) -> Tensor:
    """The embedding before each position, zero before the first: (B, T, D)."""
    return nn.functional.pad(embedded[:, :-1], (0, 0, 1, 0))


def mass(alpha: Tensor, where: Tensor) -> Tensor:
    """(B,) the attention (B, 1, T) on the positions that `where` (B, T) names."""
    return (alpha[:, 0] * where).sum(1)
