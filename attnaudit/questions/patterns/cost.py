"""How often `patterns` sends texts through the model, from lengths and its settings alone.

A layer that is run by itself counts as its part of a forward pass, whatever is computed beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attnaudit.models.passes import Passes, answering
from attnaudit.questions.patterns.guides import GUIDES, KEPT
from attnaudit.questions.patterns.settings import PatternsSettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts


def cost(model: AttentionModel, texts: Texts, settings: PatternsSettings) -> Passes:
    """All texts once; of those that are not too long, at each point, every pattern of every word.

    A pattern is followed twice: through positions, and through heads. The restricted gradients of
    those that influence chooses are taken once more. The pairs of the check run two layers.
    """
    short = texts.tokens <= settings.longest
    layers = model.layer_count or 1
    words, tokens = int(texts.words[short].sum()), int(texts.tokens[short].sum())
    count = int(np.count_nonzero(short))
    followed = 2 * len(GUIDES) * words + words + tokens * 2 // layers
    looks = 2 * count
    ends_traced_and_baseline = 4 * count
    kept = 2 * len(KEPT) * count
    return answering(len(texts)) + Passes(
        forward=settings.steps * (followed + looks) + ends_traced_and_baseline + kept,
        backward=settings.steps * (words + count),
        answers=0,
        exact=False,
    )
