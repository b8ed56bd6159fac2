"""How often `ladder` sends texts through the model, from its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.models.passes import Passes, answering
from attnaudit.questions.ladder.settings import LadderSettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts

HALVINGS = 10  # of the way back from where a search ends


def cost(model: AttentionModel, texts: Texts, settings: LadderSettings) -> Passes:
    """All texts twice, and at most what a search on each rung takes.

    How many answers the rung of the weights needs is only known at once for a linear readout.
    """
    from attnaudit.models.interface import capability  # brings torch

    n = len(texts)
    made = answering(2 * n)
    if capability(model, "token_logits") is None:
        made += Passes(answers=None)
    steps = n * settings.starts * settings.steps
    slopes = 2 * steps  # of the attention shown, and of the answer
    looks = steps + n * settings.starts * HALVINGS + n
    if capability(model, "keys") is not None:
        made += Passes(answers=looks, backward=slopes, exact=False)
    if settings.radius and model.embedding_table() is not None:
        made += Passes(answers=looks, backward=slopes, forward=looks, exact=False)
        if capability(model, "begun") is not None:
            made += Passes(answers=looks, backward=slopes, forward=n, exact=False)
    return made
