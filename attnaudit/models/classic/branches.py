"""An LSTM's states for every text that lacks one token, sharing what a deletion does not change.

Input projections are computed once for all texts, and states before a deletion once for all
deletions behind it. Scores of the gate that takes tanh are doubled, so that one sigmoid
serves all four: tanh(x) = 2 sigmoid(2x) - 1.

Letters in shape comments: B batch, T tokens, D embedding, H one direction, V deletions, L rows in
use.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attnaudit.models.arithmetic import product, tanh_
from attnaudit.models.classic.recurrence import apart


@torch.no_grad()
def branches(
    lstm: nn.LSTM,
    embeddings: Tensor,
    first: int,
    last: int,
    states: Tensor,
    backwards: bool,
    kept_apart: bool = False,
) -> None:
    """Fill `states` (B, V, T-1, H) with the LSTM's states without token first, ..., last-1.

    `kept_apart`: each state is made orthogonal to the mean of those before it, see `recurrence`.

    One row of the state runs over the whole text. At step t the row of the text without t starts
    as a copy of that row *before* t; from then on it is updated with the others, so each step costs
    as many rows as there are deletions behind it. Rows are ordered so that those in use are next to
    each other: the whole text first and the deletions as they come, or, `backwards`, the mirror
    image.
    """
    batch, tokens, _ = embeddings.shape
    variants, size = last - first, lstm.hidden_size
    hidden = embeddings.new_zeros(variants + 1, batch, size)
    cell = torch.zeros_like(hidden)
    earlier = torch.zeros_like(hidden) if kept_apart else None  # the sum of the states so far
    whole = variants if backwards else 0
    inputs, recurrent = _scores(lstm, embeddings)
    states = states.permute(1, 2, 0, 3)  # (V, T-1, B, H)
    for t in reversed(range(tokens)) if backwards else range(tokens):
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
        if before:
            states[:before, t - 1] = hidden[whole] if backwards else hidden[1 : before + 1]
        if after < variants:
            states[after:, t] = hidden[after:variants] if backwards else hidden[whole]


def _scores(lstm: nn.LSTM, embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """What each step's gates get from the input (T, B, 4H), and the recurrent weights (4H, H)."""
    batch, tokens, width = embeddings.shape
    doubled = embeddings.new_ones(4, lstm.hidden_size)
    doubled[2] = 2  # torch's order is i, f, g, o
    scale = doubled.view(-1, 1)
    bias = lstm.get_parameter("bias_ih_l0") + lstm.get_parameter("bias_hh_l0")
    rows = embeddings.transpose(0, 1).reshape(-1, width)  # (T*B, D)
    inputs = product(rows, lstm.get_parameter("weight_ih_l0") * scale, bias * scale.squeeze(1))
    return inputs.view(tokens, batch, -1), lstm.get_parameter("weight_hh_l0") * scale


def _step(gates: Tensor, hidden: Tensor, cell: Tensor) -> None:
    """Move `hidden` and `cell` (L, B, H) on by one token; `gates` (L, B, 4H) are used up."""
    i, f, g, o = gates.sigmoid_().chunk(4, dim=-1)
    cell.mul_(f).addcmul_(i, g, value=2).sub_(i)  # f c + i (2g - 1)
    tanh_(hidden.copy_(cell)).mul_(o)
