"""How often `correlate` sends texts through the model, from lengths and its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.importance.importance import cost_of
from attnaudit.models.passes import Passes, answering
from attnaudit.questions.correlate.settings import CorrelateSettings

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts


def cost(model: AttentionModel, texts: Texts, settings: CorrelateSettings) -> Passes:
    """All texts once, and what the reading and the importances take."""
    shown = settings.shown.passes(model, texts)
    return answering(len(texts)) + shown + cost_of(settings.importances, model, texts)
