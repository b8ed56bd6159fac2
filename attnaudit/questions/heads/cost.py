"""How often `heads` sends texts through the model, from lengths and its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.models.passes import Passes, answering, learning
from attnaudit.questions.heads.choice import counts
from attnaudit.questions.heads.settings import HeadsSettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts


def cost(model: AttentionModel, texts: Texts, settings: HeadsSettings) -> Passes:
    """All texts once for each set of heads that is removed, and the gradients.

    Orders that were not chosen yet may share more sets than is known: at most so many, then.
    """
    n, layers = len(texts), model.layer_count or 0
    heads = layers * (model.head_count or 0)
    chosen = settings.chosen
    if chosen.stage == "importance":
        return learning(n)
    if chosen.stage == "greedy":
        return answering(n * (heads - len(chosen.removed)))
    whole, own, traced, states = 1, 2, 1, 1
    points = counts(heads, settings.steps)[1:]
    sets = {frozenset(order[:count]) for order in chosen.orders.values() for count in points}
    knocked = 4 + bool(settings.words)
    made = answering(n * (whole + own + traced + heads + knocked + len(sets))) + learning(n)
    projections = settings.draws + 1 if settings.draws else 0
    states_and_slopes = Passes(forward=n * states, backward=n * layers * projections)
    return made + states_and_slopes + Passes(exact=not sets)
