"""The leak control of probes: what models of the recipe learn where words are removed.

Wiegreffe & Pinter 2019, section 3.4, impose a model's attention on classifiers without context: if
it points at what matters, it should help a model that sees each word by itself. But attention of a
contextual model can also spell the label out, by which of two idle words it lies on, or light up
words that go with a label which the model knows from elsewhere. A probe cannot tell these from
evidence, since all of them show it a word that goes with the label. What differs is the rest of the
text: without the evidence a model is at a loss; without idle words it is not.

So the control, which is ours, trains models of the audited recipe on texts without the words that
hold half of the attention, and others on texts without as many words drawn at random from the rest.
Words are removed in training, too (as in Hooker et al. 2019, "A Benchmark for Interpretability
Methods in Deep Neural Networks", section 3, whose pixels are replaced). They are deleted and not
masked: a mask in the place of a word would still show where attention lies. Few words are removed,
never more than a fifth, so that the texts remain texts.

Letters in shape comments: N texts, B batch, L content positions, T tokens, H heads, V variants.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.data.instance import Instance
from attnaudit.execution.seeds import generator_for
from attnaudit.models.guided import Kept, at_content
from attnaudit.models.interface import AttentionModel, Encoded

Arm = Literal["attended", "other"]
ARMS: tuple[Arm, ...] = get_args(Arm)
MASS = 0.5  # the share of the attention whose words are removed
ONE_IN = 5  # at most one word in so many is removed: of a shorter text none
ROUNDING = 1e-6  # of weights that add up to 1, kept in float32


def attended_words(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """The fewest words that hold half of `weights` (W,), the heaviest first.

    At least one, and at most floor(W / 5); of equal weights the first.
    """
    order = np.argsort(-weights, kind="stable")
    before = np.cumsum(weights[order]) - weights[order]
    count = int((before < (MASS - ROUNDING) * weights.sum()).sum())
    return order[: min(max(count, 1), len(weights) // ONE_IN)]


@dataclass(frozen=True)
class Removal:
    """Which words of each text of a split are removed, by row; calling it says where they stand.

    `removed` (N, L) is true at the content positions, in their order, of words that are removed,
    and `reached` (N, L) where the audited row can put weight; `lengths` (N,) is how many content
    positions there are. `counts` (N,) is how many words are removed, 0 of a text that stays whole.
    """

    removed: Tensor
    reached: Tensor
    lengths: Tensor
    counts: NDArray[np.int64]

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, T) twice: which positions of a batch are removed, and which are reached."""
        both = (self.removed, self.reached)
        removed, reached = (at_content(values, self.lengths, batch) for values in both)
        return removed, reached

    def written(self, batch: Batch) -> Batch:
        """The batch as its words are read, before any of them is removed: here as it is."""
        return batch


def removals(kept: Kept, instances: Sequence[Instance], split: str) -> dict[Arm, Removal]:
    """What each arm removes from the texts of a split, of which `kept` holds the attention.

    Words are removed as a whole, with all their pieces. `other` removes as many words as `attended`
    does, drawn without the attended ones; a draw depends on the id of the text and the split alone.
    Words that the audited row cannot reach are neither counted nor removed.
    """
    alpha = kept.alpha.cpu().double().numpy()  # (N, L)
    lengths = kept.lengths.cpu().numpy()
    reached = np.arange(alpha.shape[1]) < lengths[:, None]
    if kept.reached is not None:
        reached &= kept.reached.cpu().numpy()
    removed = {arm: np.zeros(alpha.shape, bool) for arm in ARMS}
    counts = np.zeros(len(lengths), np.int64)
    drawn = zlib.crc32(split.encode())
    for instance in instances:
        row, n = instance.row, int(lengths[instance.row])
        words = np.array(instance.words)
        sums = np.bincount(words, alpha[row, :n])
        there = np.unique(words[reached[row, :n]])
        ours = there[attended_words(sums[there])]
        rest = np.setdiff1d(there, ours)
        theirs = generator_for(instance.id, drawn).choice(rest, len(ours), replace=False)
        removed["attended"][row, :n] = np.isin(words, ours)
        removed["other"][row, :n] = np.isin(words, theirs)
        counts[row] = len(ours)
    device = kept.alpha.device
    where = torch.from_numpy(reached).to(device)
    return {
        arm: Removal(torch.from_numpy(removed[arm]).to(device), where, kept.lengths, counts)
        for arm in ARMS
    }


@dataclass(frozen=True)
class Fewer(Encoded):
    """What a model encoded of the shorter texts.

    `places` (B, S) is where each of their positions stands in the whole texts of T positions, and
    `real` (B, S) which of them are no padding.
    """

    inner: Encoded
    places: Tensor
    real: Tensor


class Shortened(AttentionModel):
    """`inner` as it answers the texts that a `removal` leaves, told of the whole texts.

    `inner` sees shorter texts, as if they had been written so; of pairs it sees the whole query.
    Weights stand at the positions of the whole text: a removed word stays content and has weight 0,
    and a weight that it is given changes nothing. What `inner` is trained with besides the labels,
    a `penalty`, does not apply. It shares the parameters of `inner`, so that training one trains
    the other.
    """

    def __init__(self, inner: AttentionModel, removal: Removal) -> None:
        super().__init__()
        self.inner, self.removal = inner, removal
        self.boundaries = inner.boundaries

    @override
    def embed(self, batch: Batch) -> Tensor:
        return self.inner.embed(self.removal.written(batch))

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Fewer:
        removed, reached = self.removal(batch)
        shorter = self.removal.written(batch).keep(~removed)  # (B, S)
        real = shorter.mask
        left = batch.mask & ~removed
        places = (~left).to(torch.int8).argsort(dim=1, stable=True)[:, : real.shape[1]]
        if embeddings is not None:
            size = embeddings.shape[2]
            embeddings = embeddings.gather(1, places.unsqueeze(-1).expand(-1, -1, size))
            embeddings = embeddings.masked_fill(~real.unsqueeze(-1), 0.0)  # (B, S, D)
        inner = self.inner.encode(shorter, embeddings)
        content = batch.content & reached
        attendable = torch.zeros_like(content).scatter(1, places, inner.attendable)
        return Fewer(attendable | content, content, inner, places, real)

    def within(self, batch: Batch, encoded: Encoded) -> tuple[AttentionModel, Batch, Encoded]:
        """See `AttentionModel`."""
        assert isinstance(encoded, Fewer)
        return self.inner, batch.keep(~self.removal(batch)[0]), encoded.inner

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        assert isinstance(encoded, Fewer)
        alpha = self.inner.attend(encoded.inner)  # (B, H, S)
        places = encoded.places.unsqueeze(1).expand_as(alpha)
        whole = alpha.new_zeros(*alpha.shape[:2], encoded.content.shape[1])
        return whole.scatter(2, places, alpha)  # (B, H, T)

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, Fewer)
        places = encoded.places[:, None, None].expand(*alpha.shape[:3], -1)
        left = alpha.gather(3, places) * encoded.real[:, None, None]  # (B, V, H, S)
        return self.inner.read(encoded.inner, left)
