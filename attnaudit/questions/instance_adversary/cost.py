"""How often the adversary per instance sends texts through the model, from its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.models.passes import Passes, answering
from attnaudit.questions.instance_adversary.settings import InstanceSettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts


def cost(model: AttentionModel, texts: Texts, settings: InstanceSettings) -> Passes:
    """All texts, without a linear readout once more each by itself; and the gradients of a search.

    A search asks for as many answers as it needs.
    """
    from attnaudit.models.interface import capability  # brings torch

    n = len(texts)
    made = answering(n if capability(model, "token_logits") else 2 * n) + Passes(answers=None)
    if settings.search:
        made += Passes(
            backward=n * settings.search_alternatives * settings.restarts * settings.search_steps
        )
    return made
