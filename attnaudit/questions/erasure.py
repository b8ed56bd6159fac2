"""Texts with some of their words erased, in one of three ways, and what the model answers to them.

* `delete`: the token ids of the words are deleted, see `shorter_texts`. No text is left empty;
* `mask`: the model's mask token stands for each of their tokens;
* `weight`: their attention weights are 0, and those that remain are scaled up, see
  `variants.erased` (Serrano & Smith 2019, section 3). What other words know of them stays.

Letters in shape comments: B batch, V variants, T tokens, W words, C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import within_budget
from attnaudit.data.transfer import sent
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered
from attnaudit.questions.shorter_texts import ShorterTexts, by_token
from attnaudit.questions.variants import answers, erased, room_for

Array = NDArray[np.float64]


class ErasedTexts(ShorterTexts):
    """The distinct texts to be answered, where `operator` erases the words that are not kept."""

    def __init__(self, operator: str) -> None:
        super().__init__()
        self.operator = operator

    def probabilities(
        self, model: AttentionModel, known: Answered, budget: int, target: Tensor
    ) -> Array:
        """(V,) how probable class `target` (B,) of each text is: see `decisions`."""
        return self.decisions(model, known, budget, target)[0]

    @torch.no_grad()
    def decisions(
        self, model: AttentionModel, known: Answered, budget: int, target: Tensor
    ) -> tuple[Array, NDArray[np.bool_]]:
        """How probable class `target` (B,) is in each text, and if another is predicted: (V,) each.

        In the order of their places. `budget` says how many tokens a call takes, where a text is
        not longer.

        Raises ValueError for a text that would be left empty.
        """
        if not self.rows:
            return np.zeros(0), np.zeros(0, bool)
        if self.operator == "weight":
            said = self._without_weight(model, known, budget)
        elif self.operator == "mask":
            said = self._masked(model, known, budget)
        elif not all(kept.any() for kept in self.kept):
            raise ValueError("a text from which all words are deleted")
        else:
            said = self.answers(model, known, budget)
        wanted = target[sent(torch.tensor(self.rows), target.device)]
        found: Array = said.gather(1, wanted.unsqueeze(1)).squeeze(1).cpu().double().numpy()
        return found, (said.argmax(1) != wanted).cpu().numpy()

    def _masked(self, model: AttentionModel, known: Answered, budget: int) -> Tensor:
        """(V, C) answers to the texts with mask tokens."""
        hidden = model.mask_token
        assert hidden is not None  # `settle` has seen to it
        batch, device = known.batch.host, known.probs.device
        rows = torch.tensor(self.rows)
        gone = batch.content[rows] & ~by_token(batch.words[rows], self._words(known))
        queries = torch.zeros_like(rows)
        if batch.query_mask is not None:
            queries = batch.query_mask.sum(1)[rows]
        order, probs = [], []
        for group in within_budget(batch.mask[rows].sum(1), queries, budget):
            some = torch.from_numpy(group)
            copies = batch.select(rows[some])
            hide = gone[some, : copies.ids.shape[1]]
            probs.append(model(copies.replace(hide, hidden).to(device)).softmax(-1))
            order.append(group)
        back = torch.from_numpy(np.argsort(np.concatenate(order)))
        return torch.cat(probs)[sent(back, device)]

    def _without_weight(self, model: AttentionModel, known: Answered, budget: int) -> Tensor:
        """(V, C) answers under the weights of the texts, without those of the erased words."""
        batch, device = known.batch.host, known.probs.device
        rows, keep = torch.tensor(self.rows), self._words(known)
        place = torch.tensor(list(self._numbered()))  # among those of its row
        order, probs = [], []
        size, room = len(known.instances), room_for(known.alpha, budget)
        for first in range(0, int(place.max()) + 1, room):
            some = ((place >= first) & (place < first + room)).nonzero().squeeze(1)
            at = rows[some], place[some] - first
            words = keep.new_ones(size, int(at[1].max()) + 1, keep.shape[1])
            words[at] = keep[some]
            number = batch.words.clamp_min(0).unsqueeze(1).expand(-1, words.shape[1], -1)
            gone = batch.content.unsqueeze(1) & ~words.gather(2, number)  # (B, V, T)
            weights = erased(known.alpha, known.encoded.entries, sent(gone, device))
            row, variant = (sent(one, device) for one in at)
            probs.append(answers(model, known.encoded, weights)[row, variant])
            order.append(some)
        return torch.cat(probs)[sent(torch.cat(order).argsort(), device)]

    def _words(self, known: Answered) -> Tensor:
        """(V, W) which words each text keeps."""
        padded = np.zeros((len(self.rows), known.batch.words.shape[1]), bool)
        for v, words in enumerate(self.kept):
            padded[v, : len(words)] = words
        return torch.from_numpy(padded)

    def _numbered(self) -> Iterator[int]:
        """Which of the texts of its row each text is, counted from 0."""
        met = Counter[int]()
        for row in self.rows:
            yield met[row]
            met[row] += 1
