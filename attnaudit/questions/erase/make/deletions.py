"""Words deleted, or kept alone: comprehensiveness and sufficiency (ERASER, DeYoung et al. 2020).

For a ranking of words and its top share r of a text x, with j the predicted class:
comprehensiveness = p_j(x) - p_j(x without r), sufficiency = p_j(x) - p_j(r alone), both in [-1, 1].
They are averaged over the shares 1, 5, 10, 20 and 50 % (AOPC), of which each takes at least one
word and rounds up. The paper divides by one more, the authors' code by their number, as here.
Token ids are deleted, never text edited or masked; specials and a query stay. A text is never left
empty: of a single word nothing is deleted. Rankings are by magnitude, attention's and the others':
words that speak against the class count as important too.

Letters in shape comments: B batch, V variants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.transfer import sent
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered
from attnaudit.questions.erase.shares import BINS, KINDS, top_size
from attnaudit.questions.shorter_texts import ShorterTexts
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
Order = NDArray[np.int64]  # the words of one instance, the most important first


@torch.no_grad()
def deletions(
    model: AttentionModel,
    known: Answered,
    orders: Mapping[str, Sequence[Order | None]],
    budget: int,
) -> list[dict[str, dict[str, list[float | None]]]]:
    """For each instance, `KINDS` by ranking, with one figure for each of `BINS`.

    `orders` holds a ranking of the words of each instance, by name; where it is None, all its
    figures are. `budget` says how many tokens a call takes, where a text is not longer.
    """
    texts = ShorterTexts()
    places = [
        {
            kind: {
                name: [texts.place(b, kept) for kept in _kept(order, kind)]
                for name, ranked in orders.items()
                if (order := ranked[b]) is not None
            }
            for kind in KINDS
        }
        for b in range(len(known.instances))
    ]
    lost = _lost(model, known, texts, budget).cpu().numpy()
    return [
        {
            kind: {
                name: compact(lost[by_name[name]]) if name in by_name else [None] * len(BINS)
                for name in orders
            }
            for kind, by_name in by_kind.items()
        }
        for by_kind in places
    ]


def _kept(order: Order, kind: str) -> Iterable[NDArray[np.bool_]]:
    """Which words are kept, (words,), for each of `BINS`."""
    words = len(order)
    for share in BINS:
        top, k = np.zeros(words, bool), top_size(share, words)
        top[order[: k if kind == "sufficiency" else min(k, words - 1)]] = True
        yield top if kind == "sufficiency" else ~top


def _lost(model: AttentionModel, known: Answered, texts: ShorterTexts, budget: int) -> Tensor:
    """By how much the predicted class is less probable in each text than in the whole: (V,)."""
    target = known.probs.argmax(1)
    whole = known.probs.gather(1, target.unsqueeze(1)).squeeze(1)  # (B,)
    rows = sent(torch.tensor(texts.rows), target.device)
    left = texts.answers(model, known, budget).gather(1, target[rows].unsqueeze(1))  # (V, 1)
    return whole[rows] - left.squeeze(1)
