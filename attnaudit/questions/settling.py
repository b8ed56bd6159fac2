"""Settings with nothing left open, for a model; settling them once more changes nothing."""

from __future__ import annotations

from typing import TypeVar

from attnaudit.errors import InputError
from attnaudit.importance.choice import choose
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.compared import ComparedSettings
from attnaudit.questions.shown import ShownSettings

S = TypeVar("S", bound=ShownSettings)
C = TypeVar("C", bound=ComparedSettings)


def settle_reading(settings: S, model: AttentionModel) -> S:
    """The settings as they are; raises InputError for a reading that `model` cannot be read by."""
    if reason := settings.shown.needs(model):
        raise InputError(f"--reading {settings.reading}: {reason}")
    return settings


def settle(settings: C, model: AttentionModel) -> C:
    """The settings with the measures that `model` gets.

    What was left out when the measures were chosen stays on record: a worker settles the settings
    that another process has settled, and must come to the same.

    Raises InputError for measures that are unknown, or that the model cannot give, and for a
    reading that it cannot be read by.
    """
    choice = choose(settings.measures, model)
    left_out = choice.left_out if settings.measures is None else settings.left_out
    settled = settings.model_copy(update={"measures": choice.measures, "left_out": left_out})
    return settle_reading(settled, model)
