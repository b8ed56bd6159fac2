"""Why a model cannot be read in some way, in one line; None where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes


def one_row(model: AttentionModel) -> str | None:
    """Where many rows are audited, no one row can be followed."""
    if model.many_rows:
        return "it reads one row, and here many are audited; they have column_mass"
    return None


def values(model: AttentionModel) -> str | None:
    """A reading of what is averaged needs the vectors."""
    from attnaudit.models.interface import capability

    if reason := one_row(model):
        return reason
    if capability(model, "values") is None:
        return "it needs the vectors that the attention averages, and this model does not show them"
    return None


def layers(model: AttentionModel) -> str | None:
    """A reading of all layers needs their attention, and to know the audited row."""
    from attnaudit.models.interface import capability

    if reason := one_row(model):
        return reason
    if capability(model, "trace") is None or capability(model, "audited_row") is None:
        return "it follows the attention of all layers down to the words, and this model shows one"
    return None


def added(model: AttentionModel) -> str | None:
    """Every layer has to add what its heads give to the states that it began with."""
    from attnaudit.models.interface import capability

    if reason := layers(model):
        return reason
    joins = capability(model, "joins")
    found = [] if joins is None else list(joins())
    for number, joined in enumerate(found, start=1):
        if joined is None:
            return (
                f"it needs layers that add what their heads give to their states, and layer"
                f" {number} of this model does something else"
            )
    return None if found else "this model does not show how its heads join its states"


def one_forward(model: AttentionModel, texts: Texts) -> Passes:
    """What all layers of the texts take: once through the whole network."""
    from attnaudit.models.passes import answering

    return answering(len(texts))
