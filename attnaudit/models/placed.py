"""Attention that depends on the place of a word alone: a control for guides.

Texts differ in length, so that a place is relative: of n words, word i takes up the stretch from
i / n to (i + 1) / n of its text. Attention over a text is then a density on [0, 1], even within
each stretch. The mean of these densities over many texts is kept in bins, and what a stretch of
another text holds of it is the weight of the word there. Such weights add up to 1 for any length.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.guided import Kept

BINS = 100  # equal parts of a text


@dataclass(frozen=True)
class Placed:
    """Weights by relative place; calling it gives a guide.

    `held` (BINS + 1,) is the share of the attention before each end of a bin, from 0 to 1.
    """

    held: Tensor

    def __call__(self, batch: Batch) -> Tensor:
        """(B, T) the weights at the content positions of a batch: they add up to 1."""
        content = in_float64(batch.content)
        lengths = content.sum(1, keepdim=True).clamp_min(1)
        place = (content.cumsum(1) - 1).clamp_min(0)  # (B, T)
        held = self.held.to(content.device)
        before, after = (_between(held, (place + k) / lengths) for k in (0, 1))
        return ((after - before) * content).float().to(batch.content.device)


def by_place(kept: Kept) -> Placed:
    """The mean attention of a split at each relative place; texts of any length count the same.

    Uniform where no text has any weight on its content.
    """
    alpha = in_float64(kept.alpha)  # (N, L)
    weighed = alpha.sum(1) > 0
    alpha, lengths = alpha[weighed], kept.lengths.to(alpha.device)[weighed]
    ends = torch.linspace(0, 1, BINS + 1, dtype=torch.float64, device=alpha.device)
    if not len(alpha):
        return Placed(ends)
    before = torch.nn.functional.pad(alpha.cumsum(1), (1, 0))  # (N, L + 1)
    at = ends * lengths.unsqueeze(1)  # (N, BINS + 1), in words
    word = at.floor().long().clamp_max(alpha.shape[1])
    part = at - word
    reached = before.gather(1, word)
    begun = torch.nn.functional.pad(alpha, (0, 1)).gather(1, word)
    held = (reached + part * begun).mean(0)
    return Placed((held / held[-1]).cummax(0).values)


def _between(held: Tensor, at: Tensor) -> Tensor:
    """`held` at places `at` in [0, 1], by lines between the ends of bins."""
    place = in_float64(at) * BINS
    low = place.floor().long().clamp(0, BINS - 1)
    share = place - low
    return held[low] + share * (held[low + 1] - held[low])
