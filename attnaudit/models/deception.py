"""Models that learn their labels and are punished for attention on some words.

Pruthi et al. 2020, "Learning to Deceive with Attention-Based Explanations", section 3: besides the
loss of the labels a text costs -lambda log(1 - the attention on its impermissible words). Of
several heads it is the mean of that, or that of the head which attends to them most. The authors'
code takes the largest over a whole batch; here it is text by text, as in the paper. The attention
is the audited one: of a transformer the last layer's, in the row that the answer is read from, all
heads. Layers below go unpunished, and can bring what the words say into the states of other words.

Letters in shape comments: N texts, B batch, L content positions, W words, H heads, T tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.data.instance import Instance
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.interface import AttentionModel
from attnaudit.models.removal import Removal
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import Labels, TrainingData

Heads = Literal["mean", "max"]


@dataclass(frozen=True)
class Marked:
    """Which words of each text of a split are marked, by row; calling it says where they stand.

    `flags` (N, W) is true for marked words by their number in the text, also after others were
    deleted; for pieces where the `pieces` are counted as words. `places` (N, L) is the same of the
    content positions in their order, and `lengths` (N,) is how many those are.
    """

    flags: Tensor
    places: Tensor
    lengths: Tensor

    @classmethod
    def of(
        cls,
        instances: Sequence[Instance],
        words: Sequence[Sequence[int]],
        device: torch.device,
        pieces: bool = False,
    ) -> Marked:
        """The words of these numbers, in each of the instances, whose rows count from 0."""
        longest = max(len(instance.tokens) for instance in instances)
        flags, places = np.zeros((2, len(instances), longest), bool)
        lengths = np.zeros(len(instances), np.int64)
        for instance, marked in zip(instances, words, strict=True):
            row, n = instance.row, len(instance.tokens)
            places[row, :n] = np.isin(instance.words, marked)
            lengths[row] = n
            flags[row, list(marked)] = True
        made = [torch.from_numpy(each).to(device) for each in (flags, places, lengths)]
        return cls(made[1] if pieces else made[0], made[1], made[2])

    def __call__(self, batch: Batch) -> Tensor:
        """(B, T) true at the positions of marked words."""
        return self.flags[batch.rows].gather(1, batch.words.clamp_min(0)) & batch.content

    def removal(self) -> Removal:
        """What is left without the marked words, see `removal.Shortened`."""
        places = torch.arange(self.places.shape[1], device=self.places.device)
        counts = self.flags.sum(1).cpu().numpy()
        return Removal(self.places, places < self.lengths.unsqueeze(1), self.lengths, counts)


def on_marked(alpha: Tensor, marked: Tensor) -> Tensor:
    """(B, H) the attention on marked positions, in [0, 1], of `alpha` (B, H, T)."""
    return (alpha * marked.unsqueeze(1)).sum(-1)


def penalty(alpha: Tensor, marked: Tensor, heads: Heads) -> Tensor:
    """(B,) -log(1 - attention on marked positions (B, T)): 0 for none, without an upper bound.

    Of `alpha` (B, H, T), a distribution over the attendable positions: the mean over heads, or the
    largest. What is left is summed up from the other positions: 1 less the attention would be
    rounded to 0, with no gradient, where nearly all of it lies on marked ones.
    """
    left = (alpha.float() * ~marked.unsqueeze(1)).sum(-1)  # (B, H)
    costs = -left.clamp(torch.finfo(left.dtype).tiny, 1).log()
    return costs.mean(1) if heads == "mean" else costs.amax(1)


class Deception(Labels):
    """The labels, and the penalty on attention to marked words, times `strength`.

    The epoch is picked as the paper says (section 5.3): of the epochs whose accuracy on dev is at
    least `least`, the one with the least attention on the marked words, a mean over dev texts that
    have such words. Where no epoch is so accurate, it is the most accurate one. The dev score is
    above 0 in the first case, -log10 of that attention, and accuracy - 1 in the other.
    """

    def __init__(
        self,
        model: AttentionModel,
        data: TrainingData,
        schedule: Schedule,
        train: Marked,
        dev: Marked,
        strength: float,
        heads: Heads,
        least: float,
    ) -> None:
        super().__init__(model, data, schedule)
        self.name = "hidden attention"
        self._train, self._on_dev = train, dev
        self._strength, self._heads, self._least = strength, heads, least

    @override
    def besides(self, batch: Batch, alpha: Tensor) -> Tensor:
        return self._strength * penalty(alpha, self._train(batch), self._heads)

    @override
    @torch.no_grad()
    def score(self, model: AttentionModel) -> float:
        """See `Objective`."""
        model.eval()
        answered, on_words, rows = [], [], []
        for batch in self._dev:
            encoded = model.encode(batch)
            alpha = model.attend(encoded)
            answered.append(model.read(encoded, alpha.unsqueeze(1)).squeeze(1))
            marked = self._on_dev(batch)
            mass = on_marked(alpha, marked)  # (B, H)
            each = mass.mean(1) if self._heads == "mean" else mass.amax(1)
            on_words.append(each[marked.any(1)])
            rows.append(batch.rows)
        order = torch.cat(rows).argsort()
        logits = torch.cat(answered)[order].float().cpu().numpy()
        right = float((logits.argmax(1) == self._gold).mean())
        if right < self._least:
            return right - 1
        mass = in_float64(torch.cat(on_words))
        return -math.log10(max(float(mass.mean()), 1e-300)) if len(mass) else 0.0
