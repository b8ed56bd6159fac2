"""How often `permute` sends texts through the model, from lengths and its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.models.passes import Passes, answering
from attnaudit.questions.permute.settings import PermuteSettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts


def cost(model: AttentionModel, texts: Texts, settings: PermuteSettings) -> Passes:
    """All texts once, and their answers under other weights."""
    from attnaudit.models.interface import capability  # brings torch

    n = len(texts)
    own_and_shuffled, all_erased = 1 + settings.permutations, 2
    uniform = answering(n) if capability(model, "uniform_layers") else Passes()
    return answering(n) + uniform + Passes(answers=n * (own_and_shuffled + all_erased))
