"""How often the adversary per instance sends texts through the model, from its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.models.passes import Passes, answering
from attnaudit.questions.instance_adversary.settings import InstanceSettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts


def cost(model: AttentionModel, texts: Texts, settings: InstanceSettings) -> Passes:
    """All texts; without a linear readout those of batches that are too large to be searched again.

    And the gradients of a search. A search asks for as many answers as it needs.
    """
    n = len(texts)
    made = answering(n + _again(model, texts)) + Passes(answers=None)
    if settings.search:
        made += Passes(
            backward=n * settings.search_alternatives * settings.restarts * settings.search_steps
        )
    return made


def _again(model: AttentionModel, texts: Texts) -> int:
    """How many texts are of batches that are taken apart, so that their parts are searched."""
    import numpy as np

    from attnaudit.models.interface import capability  # brings torch
    from attnaudit.questions.instance_adversary.make.mixing import room_for_texts

    if capability(model, "token_logits"):
        return 0
    sizes, widths = np.bincount(texts.batch)[texts.batch], texts.padded(texts.tokens)
    room = [room_for_texts(model.head_count or 1, int(width)) for width in widths]
    return int((sizes > np.array(room, int)).sum())
