"""Texts that show which words were chosen, and not what the words are.

A predictor of rationales may profit from the choice itself: which places are chosen can give the
label away, whatever stands there. So each chosen word becomes one symbol, and each other word
another one. Word counts and places stay. Any model reads such a text, since both symbols are tokens
that it knows. A word of several pieces becomes one symbol, so that pieces say nothing of the word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.models.guided import at_content
from attnaudit.models.removal import Removal


@dataclass(frozen=True)
class ChoiceOnly(Removal):
    """Which words of each text of a split are shown as chosen, by row; see `Removal`.

    `chosen` (N, L) is true at the content positions of chosen words; `removed` at all pieces of a
    word but its first. `symbols` are the token ids of a chosen word, and of another one.
    """

    chosen: Tensor
    symbols: tuple[int, int]

    @override
    def written(self, batch: Batch) -> Batch:
        chosen = at_content(self.chosen, self.lengths, batch)
        ours, other = self.symbols
        return batch.replace(chosen, ours).replace(~chosen, other)


def two_symbols(batches: Iterable[Batch], size: int) -> tuple[int, int]:
    """The two commonest token ids of the texts, of equally common ones the smaller.

    `size` is how many ids there are. Training has seen both tokens often, in any model.
    """
    counts = torch.zeros(size, dtype=torch.int64)
    for batch in batches:
        counts += batch.ids[batch.content].cpu().bincount(minlength=size)
    first, second, *_ = counts.argsort(descending=True, stable=True).tolist()
    return first, second
