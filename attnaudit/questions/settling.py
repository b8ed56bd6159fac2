"""Settings with nothing left open, for a model; settling them once more changes nothing."""

from __future__ import annotations

from typing import TypeVar

from attnaudit.errors import InputError
from attnaudit.importance.choice import choose
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.compared import ComparedSettings
from attnaudit.questions.shown import ShownSettings
from attnaudit.readings.heads import MEAN
from attnaudit.readings.reading import Reading
from attnaudit.readings.rows import COLUMN_MASS

S = TypeVar("S", bound=ShownSettings)
C = TypeVar("C", bound=ComparedSettings)

_OF_MODEL = (
    "this test changes weights or models, and needs a reading of the weights alone, such as mean, "
    "max or head0; correlate and erase take every reading"
)


def settle_reading(settings: S, model: AttentionModel, wide: bool = False) -> S:
    """The settings with the reading that `model` gets.

    Where many rows are audited, the mean of heads, which is the default, is the mean of rows too.
    A test that asks what would be shown of other weights needs a reading of weights alone; one that
    only looks at the model's own takes `wide` ones, too.

    Raises InputError for a reading that `model` cannot be read by, or that the test cannot use.
    """
    shown = settings.shown
    if model.many_rows and shown is MEAN:
        return settings.model_copy(update={"reading": COLUMN_MASS.name})
    reason = cannot_read(shown, model)
    if not (model.many_rows and not shown.rows) and shown.of_weights is None and not wide:
        reason = _OF_MODEL
    if reason:
        raise InputError(f"--reading {settings.reading}: {reason}")
    return settings


def cannot_read(reading: Reading, model: AttentionModel) -> str | None:
    """Why `model` cannot be read so; None where it can."""
    if model.many_rows and not reading.rows:
        return f"it reads one row, and here many are audited; they have {COLUMN_MASS.name}"
    return reading.needs(model)


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
    return settle_reading(settled, model, wide=True)
