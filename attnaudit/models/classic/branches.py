"""What an LSTM gives for every text that lacks one token, sharing what a deletion does not change.

Input projections are computed once for all texts, and states before a deletion once for all
deletions behind it. Of the states only some linear map is wanted: it is taken of each state where
the state arises, so that shared states share it too, and no state is kept.

Letters in shape comments: B batch, T tokens, D embedding, H one direction, V deletions, L rows in
use, P places that are read, K what the map gives.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attnaudit.models.arithmetic import added_product, product
from attnaudit.models.classic.inlet import weights_of
from attnaudit.models.classic.recurrence import apart


@torch.no_grad()
def branches(
    lstm: nn.LSTM,
    embeddings: Tensor,
    first: int,
    weight: Tensor,
    seen: Tensor,
    backwards: bool,
    kept_apart: bool = False,
) -> None:
    """Add `weight` (K, H) times the states without token first, first+1, ... to `seen`.

    `seen` is (P, V, B, K), for V deletions. Its places are all but as many at either end as do not
    fit: T - 1 - 2 * margin of the T - 1 that a shorter text has. `kept_apart`: each state is made
    orthogonal to the mean of those before it, see `recurrence`.

    One row of the state runs over the whole text. At step t the row of the text without t starts
    as a copy of that row *before* t; from then on it is updated with the others, so each step costs
    as many rows as there are deletions behind it. Rows are ordered so that those in use are next to
    each other: the whole text first and the deletions as they come, or, `backwards`, the mirror
    image.
    """
    places, variants, batch, size = *seen.shape[:3], lstm.hidden_size
    tokens = embeddings.shape[1]
    margin = (tokens - 1 - places) // 2
    hidden = embeddings.new_zeros(variants + 1, batch, size)
    cell = torch.zeros_like(hidden)  # twice the cell, for tanh: see `inlet`
    earlier = torch.zeros_like(hidden) if kept_apart else None  # the sum of the states so far
    whole = variants if backwards else 0
    inputs, recurrent = _scores(lstm, embeddings)
    # Nobody reads the places behind the last.
    steps = range(tokens - 1, margin - 1, -1) if backwards else range(tokens - margin)
    for t in steps:
        before, after = min(max(t - first, 0), variants), min(max(t + 1 - first, 0), variants)
        live = slice(after, variants + 1) if backwards else slice(before + 1)
        if before < after:  # there is a text without t
            branch = before if backwards else after
            hidden[branch], cell[branch] = hidden[whole], cell[whole]
            if earlier is not None:
                earlier[branch] = earlier[whole]
        gates = product(hidden[live].flatten(0, 1), recurrent).view(-1, batch, 4 * size)
        _step(gates.add_(inputs[t]), hidden[live], cell[live])
        if earlier is not None:
            hidden[live] = apart(hidden[live], earlier[live])
            earlier[live] += hidden[live]
        # Token t stands one place earlier in the texts that lack a token before it.
        lacking, having = (hidden[whole], hidden[after:variants])
        if not backwards:
            lacking, having = hidden[1 : before + 1], hidden[whole]
        for rows, states, place in (
            (slice(0, before), lacking, t - 1 - margin),
            (slice(after, variants), having, t - margin),
        ):
            part = seen[place, rows] if 0 <= place < places else seen[:0, 0]
            if len(part):
                _add(part, states, weight)


def _add(seen: Tensor, states: Tensor, weight: Tensor) -> None:
    """Add the map of states (B, H), which many rows share, or (L, B, H) to `seen` (L, B, K)."""
    if states.ndim == 2:
        seen += product(states, weight)
    else:
        flat = seen.flatten(0, 1)
        added_product(flat, states.flatten(0, 1), weight, flat)


def _scores(lstm: nn.LSTM, embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """What each step's gates get from the input (T, B, 4H), and the recurrent weights (4H, H)."""
    batch, tokens, width = embeddings.shape
    weight, bias, recurrent = weights_of(lstm)
    rows = embeddings.transpose(0, 1).reshape(-1, width)  # (T*B, D)
    return product(rows, weight, bias).view(tokens, batch, -1), recurrent


def _step(gates: Tensor, hidden: Tensor, cell: Tensor) -> None:
    """Move `hidden` and doubled `cell` (L, B, H) on by one token; `gates` (L, B, 4H) are used up."""
    i, f, g, o = gates.sigmoid_().chunk(4, dim=-1)
    cell.mul_(f).addcmul_(i, g, value=4).sub_(i, alpha=2)  # 2 (f c + i (2g - 1))
    torch.sigmoid(cell, out=hidden).mul_(2).sub_(1).mul_(o)
