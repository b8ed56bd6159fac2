"""How often `erase` sends texts through the model, from their lengths and its settings alone.

How much is erased until a decision flips depends on the answers: the most is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attnaudit.importance.importance import cost_of
from attnaudit.models.passes import Passes, answering
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.erase.shares import BINS, SHUFFLES, top_size
from attnaudit.questions.erase.support_rule import most_draws

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts


def cost(model: AttentionModel, texts: Texts, settings: EraseSettings) -> Passes:
    """All texts once, the reading, answers under erased weights, importances, and shorter texts."""
    n = len(texts)
    single, all_erased, decided, slopes = 3, 2, 1, 1
    flips = (3 + SHUFFLES) * int(texts.padded(texts.items).sum())
    weights = n * (single + all_erased + decided + slopes) + flips
    made = answering(n) + Passes(backward=n, answers=weights)
    made += settings.shown.passes(model, texts)
    made += cost_of(settings.importances, model, texts)
    made += answering(len(settings.rankings) * _deleted(texts))
    sets = np.array([1 + most_draws(words) for words in texts.words.tolist()], np.int64)
    sets[sets == 1] = 0  # not judged
    # Both heatmaps' words and draws at once, beside the model's own weights; and words deleted.
    zeroed = texts.padded(2 * sets + (sets > 0))
    made += Passes(answers=int(zeroed.sum())) + answering(int(sets.sum()))
    short = texts.items <= settings.optimum_items
    if short.any():
        most = texts.padded(np.where(short, texts.items, 0))[short]
        tried = sum(2 ** int(items) - 1 for items in most)
        made += answering(int(short.sum())) + Passes(answers=tried)
    return made + Passes(exact=False)


def _deleted(texts: Texts) -> int:
    """The different texts that one ranking of each text's words leaves at the shares of ERASER."""
    counts, instances = np.unique(texts.words, return_counts=True)
    left = 0
    for words, count in zip(counts.tolist(), instances.tolist(), strict=True):
        sizes = {top_size(share, words) for share in BINS}
        left += count * (len({min(k, words - 1) for k in sizes}) + len(sizes))
    return left
