"""Texts without some of their words, and what the model answers to them.

Token ids are deleted, never text edited or masked; specials and a query stay. Letters in shape
comments: B batch, V variants, T tokens, W words, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import within_budget
from attnaudit.data.transfer import sent
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered

Counts = NDArray[np.int64]
FEW = 8  # of calls that are smaller than the budget by this, padding would cost more than the call


class ShorterTexts:
    """The distinct texts to be answered: an instance, and which of its words are kept.

    Rankings often agree on their top words, and short texts have one and the same top at several
    shares; each text is answered once.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.kept: list[NDArray[np.bool_]] = []
        self._known: dict[tuple[int, bytes], int] = {}

    def place(self, row: int, kept: NDArray[np.bool_]) -> int:
        """Where the answer to this text will stand; `kept` (words,) of instance `row`."""
        place = self._known.setdefault((row, kept.tobytes()), len(self.rows))
        if place == len(self.rows):
            self.rows.append(row)
            self.kept.append(kept)
        return place

    @torch.no_grad()
    def answers(self, model: AttentionModel, known: Answered, budget: int) -> Tensor:
        """Class probabilities (V, C) of each text, in the order of their places.

        `budget` says how many tokens a call takes, where a text is not longer.
        """
        batch, device = known.batch.host, known.probs.device
        rows = torch.tensor(self.rows, dtype=torch.int64)
        padded = np.zeros((len(rows), batch.words.shape[1]), bool)
        for v, words in enumerate(self.kept):
            padded[v, : len(words)] = words
        keep = torch.from_numpy(padded)  # (V, W)
        gone = batch.content[rows] & ~by_token(batch.words[rows], keep)  # (V, T)
        lengths = batch.mask[rows].sum(1) - gone.sum(1)
        queries = torch.zeros_like(lengths)
        if batch.query_mask is not None:
            queries = batch.query_mask.sum(1)[rows]
        order, probs = [], [known.probs[:0]]
        for group in _with_little_padding(lengths.numpy(), queries.numpy(), budget):
            some = torch.from_numpy(group)
            copies = batch.select(rows[some])
            left = copies.keep(by_token(copies.words, keep[some])).to(device)
            encoded = model.encode(left)
            alpha = model.attend(encoded).unsqueeze(1)
            probs.append(model.read(encoded, alpha).squeeze(1).softmax(-1))
            order.append(group)
        if not order:
            return probs[0]
        back = torch.from_numpy(np.argsort(np.concatenate(order)))
        return torch.cat(probs)[sent(back, device)]


def _with_little_padding(lengths: Counts, queries: Counts, budget: int) -> Iterator[Counts]:
    """The groups of `within_budget`; one that is large enough takes no longer texts."""
    enough = budget // FEW
    for group in within_budget(lengths, queries, budget):
        start = 0
        for end in range(1, len(group)):
            before = int(lengths[group[end - 1]])
            if lengths[group[end]] > before and (end - start) * before >= enough:
                yield group[start:end]
                start = end
        yield group[start:]


def by_token(words: Tensor, of_word: Tensor) -> Tensor:
    """What holds `of_word` (V, W), for each of its tokens: (V, T); `words` (V, T) number them.

    Positions that are no word's have what holds of the first word.
    """
    return of_word.gather(1, words.clamp_min(0))
