"""Attention that is imposed on a model, in training and after: uniform, or another model's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.models.interface import AttentionModel, Encoded

Show = Callable[[Tensor], Tensor]  # attention (B, H, T) to the one number a position, (B, T)
Guide = Callable[[Batch], Tensor]  # a batch to weights (B, T): a distribution over the content


def mean_of_heads(alpha: Tensor) -> Tensor:
    """(B, T) what is shown of attention (B, H, T) where no other reading is asked for."""
    return alpha.mean(1)


def uniform(batch: Batch) -> Tensor:
    """1/n on each content position (Wiegreffe & Pinter 2019, section 3.2)."""
    content = batch.content.float()
    return content / content.sum(1, keepdim=True)


@dataclass(frozen=True)
class Kept:
    """What a model shows of its attention and answers on a split, by row; calling it gives a guide.

    `probs` (N, C). `alpha` (N, L): what is shown of each instance's content positions in their
    order, renormalised over the content; `lengths` (N,) how many those are, so
    that a weight of exactly 0 stays one. (The authors' code drops zeros to find the length.)
    `reached` (N, L) is true where the audited row can put weight; None: at all content positions.
    """

    probs: Tensor
    alpha: Tensor
    lengths: Tensor
    reached: Tensor | None = None

    def __call__(self, batch: Batch) -> Tensor:
        """(B, T) the kept weights at the content positions of a batch of the same split.

        Raises ValueError for texts of other lengths.
        """
        return at_content(self.alpha, self.lengths, batch)


def shuffled(kept: Kept, seed: int) -> Kept:
    """What is `kept`, with the weights shuffled among the content positions of each text.

    Attention that is as peaked and points nowhere: the same weights in another order. The order
    depends on the row of the text, on how many content positions it has, and on `seed` alone.
    """
    orders = np.tile(np.arange(kept.alpha.shape[1]), (len(kept.alpha), 1))  # (N, L)
    for row, n in enumerate(kept.lengths.tolist()):
        orders[row, :n] = np.random.default_rng([seed, row]).permutation(n)
    taken = kept.alpha.gather(1, torch.from_numpy(orders).to(kept.alpha.device))
    return replace(kept, alpha=taken)


def at_content(values: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
    """`values` (N, L) of each row's content positions in their order, as (B, T); 0 elsewhere.

    `lengths` (N,) is how many those are. Raises ValueError for texts of other lengths.
    """
    content = batch.content
    if not torch.equal(content.sum(1), lengths[batch.rows]):
        raise ValueError("the weights were kept for other texts")
    place = (content.cumsum(1) - 1).clamp_min(0)  # (B, T)
    placed: Tensor = values[batch.rows].gather(1, place)
    return placed * content


@torch.no_grad()
def keep(model: AttentionModel, batches: Iterable[Batch], show: Show = mean_of_heads) -> Kept:
    """Run `model` on all batches of a split, whose rows count from 0; `show` its attention."""
    model.eval()
    parts = []
    for batch in batches:
        encoded = model.encode(batch)
        alpha = model.attend(encoded)  # (B, H, T)
        probs = model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)
        reached = _in_front(encoded.content, batch.content)
        parts.append((batch.rows, probs, *_packed(show(alpha), batch.content), reached))
    rows = torch.cat([part[0] for part in parts])
    order = rows.argsort()
    longest = max(part[2].shape[1] for part in parts)
    alpha, reached = (torch.cat([_widened(part[k], longest) for part in parts]) for k in (2, 4))
    return Kept(
        torch.cat([part[1] for part in parts])[order].float(),
        alpha[order].float(),
        torch.cat([part[3] for part in parts])[order],
        reached[order],
    )


def _packed(alpha: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (B, T) of the content moved to the front, renormalised: (B, L), and lengths (B,)."""
    front = _in_front(alpha * content, content)
    sums = front.sum(1, keepdim=True).clamp_min(torch.finfo(front.dtype).tiny)
    return front / sums, content.sum(1)


def _in_front(values: Tensor, content: Tensor) -> Tensor:
    """What `values` (B, T) hold at the content, moved to the front: (B, L)."""
    longest = int(content.sum(1).max())
    order = (~content).to(torch.int8).argsort(dim=1, stable=True)[:, :longest]
    return values.gather(1, order)


def _widened(values: Tensor, width: int) -> Tensor:
    return torch.nn.functional.pad(values, (0, width - values.shape[1]))


@dataclass(frozen=True)
class Imposed(Encoded):
    """What the guided model encoded, and the weights (B, T) imposed on it."""

    inner: Encoded
    weights: Tensor


class Guided(AttentionModel):
    """`inner` with its attention on the content replaced by a guide's, the same for every head.

    What a head gives to positions outside the content, such as [CLS] and [SEP], stays its own, and
    so does its mass on the content.

    It shares the parameters of `inner`, so that training one trains the other.
    """

    def __init__(self, inner: AttentionModel, guide: Guide) -> None:
        super().__init__()
        self.inner, self.guide = inner, guide
        self.boundaries = inner.boundaries

    @override
    def embed(self, batch: Batch) -> Tensor:
        return self.inner.embed(batch)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Imposed:
        encoded = self.inner.encode(batch, embeddings)
        weights = self.guide(batch)
        if bool((batch.content & ~encoded.content).any()):  # what the row cannot reach gets nothing
            weights = weights * encoded.content
            sums = weights.sum(1, keepdim=True)
            weights = weights / sums.clamp_min(torch.finfo(weights.dtype).tiny)
        return Imposed(encoded.attendable, encoded.content, encoded, weights)

    def within(self, batch: Batch, encoded: Encoded) -> tuple[AttentionModel, Batch, Encoded]:
        """See `AttentionModel`."""
        assert isinstance(encoded, Imposed)
        return self.inner, batch, encoded.inner

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        assert isinstance(encoded, Imposed)
        weights = encoded.weights.unsqueeze(1)  # (B, 1, T)
        if torch.equal(encoded.content, encoded.attendable):
            heads = self.inner.head_count
            if heads is None:
                with torch.no_grad():
                    heads = self.inner.attend(encoded.inner).shape[1]
            return weights.expand(-1, heads, -1)
        alpha = self.inner.attend(encoded.inner)  # (B, H, T)
        content = encoded.content.unsqueeze(1)
        mass = (alpha * content).sum(-1, keepdim=True)
        return alpha.masked_fill(content, 0) + mass * weights

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, Imposed)
        return self.inner.read(encoded.inner, alpha)
