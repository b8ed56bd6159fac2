"""Probes: classifiers without context, read under attention that is imposed on them.

Wiegreffe & Pinter 2019, section 5: if attention points at what matters, it should help a model that
sees each word by itself: a per-token MLP, h_t = tanh(W e_t + b), with embeddings of its own. In the
terms of this package that is the classic model with the encoder `average`, guided.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.models.guided import Guide, Guided, Imposed
from attnaudit.models.interface import AttentionModel

FEATURES = 7  # of a position and its weight


def features(content: Tensor, weights: Tensor) -> Tensor:
    """What a weight says without its word: (B, T, FEATURES), from content and weights (B, T).

    The weight against the uniform one, and the log of that; the place from either end, as a share
    of the text and by nearness; and the length.
    """
    count = content.sum(1, keepdim=True).float()
    place = (content.cumsum(1) - 1).clamp_min(0).float()
    behind = (count - 1 - place).clamp_min(0)
    relative = weights * count
    found = torch.stack(
        [
            relative,
            (relative + 1e-3).log(),
            place / count,
            behind / count,
            1 / (1 + place),
            1 / (1 + behind),
            (count.log() / 4).expand_as(place),
        ],
        dim=-1,
    )
    return found * content.unsqueeze(-1)


class Blindfolded(Guided):
    """The leak control: a probe that sees weights and positions, and no word of the text.

    How well it does is what the guide gives away by its shape alone: attention that points to the
    first word for one class and to the last for the other would help any probe, and be evidence of
    nothing. Of pairs it sees the query, as every probe does.
    """

    def __init__(self, inner: AttentionModel, guide: Guide, size: int) -> None:
        """`size` is the size of the embeddings that `inner` takes."""
        super().__init__(inner, guide)
        # A fixed map: the weights of `inner` that follow it learn what to make of the features.
        spread = torch.randn(FEATURES, size, generator=torch.Generator().manual_seed(0))
        self.register_buffer("spread", spread / FEATURES**0.5, persistent=False)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Imposed:
        weights = self.guide(batch)
        assert isinstance(self.spread, Tensor)
        seen = features(batch.content, weights) @ self.spread.to(weights)  # (B, T, D)
        encoded = self.inner.encode(batch, seen)
        return Imposed(encoded.attendable, encoded.content, encoded, weights)
