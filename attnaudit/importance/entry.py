"""Where gradients are taken: at the embeddings of a text, or behind the map that they enter by.

Importances multiply gradients by directions of the embeddings. Where embeddings enter a model by
an affine map of each token alone (capability `inlet`), a gradient behind the map, multiplied by the
image of the direction, is the same number. It costs less: the map is applied once to each word,
and its transpose never.

Letters in shape comments: B batch, T tokens, D embedding, G what the map gives.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.arithmetic import product
from attnaudit.models.interface import AttentionModel, Encoded, Inlet, capability

# Texts: with fewer, a recurrence that takes its steps in Python takes longer than it saves.
LEAST = 64


class Entry:
    """The way into a model that batches of so many `texts` take; `encode` starts behind it."""

    def __init__(self, model: AttentionModel, texts: int, device: torch.device) -> None:
        self.model = model
        find = capability(model, "inlet")
        # GPUs have kernels of their own for a recurrent layer, which begin at the embeddings.
        pays = texts >= LEAST and device.type == "cpu"
        self.inlet: Inlet | None = find() if find and pays else None

    def points(self, batch: Batch) -> Tensor:
        """What texts are at the entry, without a graph: (B, T, D), or (B, T, G)."""
        table = self.model.embedding_table()
        if self.inlet is None or table is None:
            return self.point(self.model.embed(batch).detach())
        words, places = torch.unique(batch.ids.T, return_inverse=True)
        each = product(table.detach()[words], self.inlet.weight, self.inlet.bias)
        return each[places].transpose(0, 1)

    def point(self, embeddings: Tensor) -> Tensor:
        """What embeddings (B, T, D) are at the entry: (B, T, D), or (B, T, G)."""
        return self._mapped(embeddings, self._bias)

    def direction(self, embeddings: Tensor) -> Tensor:
        """What a difference (B, T, D) of embeddings is at the entry: (B, T, D), or (B, T, G)."""
        return self._mapped(embeddings, None)

    def encode(self, batch: Batch, points: Tensor) -> Encoded:
        """What the model makes of `points`, with a graph back to them."""
        if self.inlet is None:
            return self.model.encode(batch, points)
        encode = capability(self.model, "encode_inlet")
        assert encode is not None  # which is there where an inlet is
        encoded: Encoded = encode(batch, points)
        return encoded

    def along_themselves(self, gradients: Tensor, points: Tensor) -> Tensor:
        """(B, T) each token's gradient times its embedding."""
        bias = self._bias
        if bias is None:
            return (gradients * points).sum(-1)
        # Token by token, as they lie in memory: all of them at once would leave a CPU's caches.
        pairs = zip(gradients.unbind(1), points.unbind(1), strict=True)
        return torch.stack([(g * x).sum(-1) - g @ bias for g, x in pairs], dim=1)

    def at_embeddings(self, gradients: Tensor) -> Tensor:
        """The gradients (B, T, D) at the embeddings."""
        if self.inlet is None:
            return gradients
        rows = gradients.transpose(0, 1).flatten(0, 1)  # (T*B, G)
        found = product(rows, self.inlet.weight.T.contiguous())
        return found.view(*gradients.shape[1::-1], -1).transpose(0, 1)

    def _mapped(self, embeddings: Tensor, bias: Tensor | None) -> Tensor:
        if self.inlet is None:
            return embeddings
        batch, tokens, size = embeddings.shape
        rows = embeddings.transpose(0, 1).reshape(-1, size)  # recurrences go token by token
        return product(rows, self.inlet.weight, bias).view(tokens, batch, -1).transpose(0, 1)

    @property
    def _bias(self) -> Tensor | None:
        return None if self.inlet is None else self.inlet.bias
