"""How often `identify` sends texts through the model, from lengths and its settings alone.

Singular values and linear programs are no passes; the pilot of a dry run takes its time from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.models.passes import Passes, answering
from attnaudit.questions.identify.settings import IdentifySettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts


def cost(model: AttentionModel, texts: Texts, settings: IdentifySettings) -> Passes:
    """All texts once, and their answers under other weights: at most so many, with an option."""
    n, heads = len(texts), model.head_count or 1
    own_least_norms_and_all = 1 + heads + 1
    made = answering(n) + Passes(answers=n * own_least_norms_and_all)
    if settings.intervals:
        short = texts.tokens[texts.tokens <= settings.longest]
        # In a batch every text is answered as often as the one with the most corners.
        corners = heads * (2 * int(short.max(initial=0)) + 2) + 1
        made += Passes(answers=n * corners, exact=False)
    if settings.starts:
        made += Passes(answers=n * heads * settings.starts, exact=False)
    return made
