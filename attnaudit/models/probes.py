"""The leak control of probes: what can be told without what attention lies on.

Wiegreffe & Pinter 2019, section 5, impose a model's attention on classifiers without context: if
it points at what matters, it should help a model that sees each word by itself. But attention of a
contextual model can also spell the label out, by which of two idle words it lies on; the model
knew the label from elsewhere, and a probe under such attention is right on every text. The probe
cannot tell the two apart, since both show it a word that goes with the label. What differs is the
rest of the text: without the evidence a model is at a loss; without two idle words it is not.

So the control, which is ours, is a model of the audited recipe that learns from texts whose
attended words are hidden (as in Hooker et al. 2019, "A Benchmark for Interpretability Methods in
Deep Neural Networks", section 3, whose hidden inputs are those ranked highest, by a fixed share;
ours hold a fixed share of the attention). It also sees where the hidden words stand, so that
attention that tells the label by its place leaks as well.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.models.guided import Guide
from attnaudit.models.interface import AttentionModel, Encoded

HIDDEN_MASS = 0.8  # the share of the attention whose words are hidden


def attended(weights: Tensor) -> Tensor:
    """(B, T) true at the heaviest positions of `weights` (B, T) that hold HIDDEN_MASS of it.

    They are as few as can be, of equal weights the first; at least one, none of weight 0.
    """
    heaviest, order = weights.sort(dim=1, descending=True, stable=True)
    before = heaviest.cumsum(1) - heaviest
    chosen = (before < HIDDEN_MASS * heaviest.sum(1, keepdim=True)) & (heaviest > 0)
    return torch.zeros_like(chosen).scatter(1, order, chosen)


class Blindfolded(AttentionModel):
    """`inner`, which attends as it likes, to texts whose words under a guide's weight are hidden.

    A hidden word has an embedding of zeros. It shares the parameters of `inner`, so that training
    one trains the other; a `penalty` that `inner` is trained with does not apply. Of pairs it sees
    the whole query.
    """

    def __init__(self, inner: AttentionModel, guide: Guide) -> None:
        super().__init__()
        self.inner, self.guide = inner, guide
        self.boundaries = inner.boundaries

    @override
    def embed(self, batch: Batch) -> Tensor:
        hidden = attended(self.guide(batch)).unsqueeze(-1)  # (B, T, 1)
        return self.inner.embed(batch).masked_fill(hidden, 0.0)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Encoded:
        return self.inner.encode(batch, self.embed(batch) if embeddings is None else embeddings)

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        return self.inner.attend(encoded)

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        return self.inner.read(encoded, alpha)
