"""Settings with nothing left open, for a model."""

from __future__ import annotations

from typing import TypeVar

from attnaudit.importance.choice import choose
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.compared import ComparedSettings

S = TypeVar("S", bound=ComparedSettings)


def settle(settings: S, model: AttentionModel) -> S:
    """The settings with the measures that `model` gets.

    Raises InputError for measures that are unknown, or that the model cannot give.
    """
    return settings.model_copy(update=vars(choose(settings.measures, model)))
