"""Which one number a position is shown and ranked, of the weights of several heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Union

import pydantic

from attnaudit.errors import InputError

if TYPE_CHECKING:  # settings name the heads, and are read where there is no torch
    from torch import Tensor

# How the weights of several heads become the one number that is shown and ranked; interventions
# act on all heads. pydantic reads the annotation, and `|` of types needs Python 3.10 there.
Heads = Union[Literal["mean", "max"], Annotated[int, pydantic.Field(ge=0)]]  # noqa: UP007


def over_heads(alpha: Tensor, heads: Heads) -> Tensor:
    """Attention (B, H, T) as one number a position, (B, T): what a heatmap shows of it.

    The mean of the heads, their maximum, or the head of that number, from 0. Raises InputError for
    a head that the model does not have.
    """
    if heads == "mean":
        return alpha.mean(1)
    if heads == "max":
        return alpha.amax(1)
    if heads >= alpha.shape[1]:
        there = "one head, 0" if alpha.shape[1] == 1 else f"heads 0 to {alpha.shape[1] - 1}"
        raise InputError(f"the audited attention has no head {heads}", hint=f"it has {there}")
    return alpha[:, heads]
