"""What `seed-baseline` takes besides the models that it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.models.passes import Passes, answering

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel


def asked_cost(model: AttentionModel, count: int) -> Passes:
    """What the controls ask of the audited model, of so many texts."""
    from attnaudit.models.interface import capability  # brings torch

    uniform = answering(count) if capability(model, "uniform_layers") else Passes()
    return Passes(answers=2 * count) + uniform
