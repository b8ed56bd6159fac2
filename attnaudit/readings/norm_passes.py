"""What norm-based readings compute; what they mean stands in `norms`.

Letters in shape comments: B batch, H heads, Q rows, T tokens, D dimensions of a head, M of the
states.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attnaudit.errors import InputError
from attnaudit.models.interface import Joined, Layer, Values


def norms(alpha: Tensor, values: Values) -> Tensor:
    """(B, T) the length of what one row (B, H, T) takes from each position.

    Raises InputError where several heads are mixed by something that the model does not show.
    """
    vectors, output = values.vectors, values.output
    if output is None:
        if alpha.shape[1] > 1:
            raise InputError(
                "--reading norms: this model does not show the map that mixes what its heads give"
            )
        given = (alpha.unsqueeze(-1) * vectors)[:, 0]
    else:
        given = torch.einsum("bht,bhtd,hdm->btm", alpha, vectors, output)
    return lengths(given)


def lengths(vectors: Tensor) -> Tensor:
    """The L2 norms of `vectors` (..., D): (...)."""
    found: Tensor = torch.linalg.vector_norm(vectors, dim=-1)
    return found


def joined_norms(layer: Layer, joined: Joined, row: Tensor, through: bool) -> Tensor:
    """(B, T) the length of what row (B,) is made of, the state that bypasses the attention too.

    `through` its LayerNorm, or before that.
    """
    parts = parts_of(layer, joined, row.unsqueeze(1))[:, 0]  # (B, T, M)
    if through:
        assert joined.norm is not None
        each = torch.arange(len(row), device=parts.device)
        whole = sums_of(layer, joined)[each, row.to(parts.device)]  # (B, M)
        parts = normed(parts, whole.unsqueeze(1), joined.norm)
    return lengths(parts)


def parts_of(layer: Layer, joined: Joined, rows: Tensor, moved: Tensor | None = None) -> Tensor:
    """(B, Q, T, M) what each position adds to `rows` (B, Q): from the heads, and as the row itself.

    What is left of a row's sum is the bias after the output map alone. `moved` is what
    `moved_by(layer, joined)` gives, where it was computed before.
    """
    moved = moved_by(layer, joined) if moved is None else moved
    each = torch.arange(len(rows), device=moved.device).unsqueeze(1)
    rows = rows.to(each.device)
    alpha = layer.alpha[each, :, rows]  # (B, Q, H, T)
    parts = torch.einsum("bqht,bhtm->bqtm", alpha, moved)
    own = torch.nn.functional.one_hot(rows, alpha.shape[-1]).to(parts).unsqueeze(-1)
    return parts + own * layer.states[each, rows].unsqueeze(2)


def moved_by(layer: Layer, joined: Joined) -> Tensor:
    """(B, H, T, M) the values of each head after its output map."""
    return torch.einsum("bhtd,hdm->bhtm", layer.values, joined.output)


def sums_of(layer: Layer, joined: Joined) -> Tensor:
    """(B, T, M) the states that a layer begins with and what its attention adds to them."""
    averaged = layer.alpha @ layer.values  # (B, H, T, D)
    given = torch.einsum("bhtd,hdm->btm", averaged, joined.output)
    return layer.states + given + (0 if joined.bias is None else joined.bias)


def normed(parts: Tensor, whole: Tensor, norm: nn.LayerNorm, biased: bool = False) -> Tensor:
    """What a LayerNorm makes of each part of a sum `whole`, with the deviation of the sum.

    The parts' results and the norm's bias add up to what the norm gives for the sum. `biased` adds
    that bias. In the precision of the parts, whatever the norm's own is.
    """
    deviation = (whole.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
    made = (parts - parts.mean(-1, keepdim=True)) / deviation
    if norm.weight is not None:
        made = made * norm.weight.to(parts)
    return made + norm.bias.to(parts) if biased and norm.bias is not None else made
