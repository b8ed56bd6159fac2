"""An LSTM taken step by step: for local gradients, and for states that are kept apart.

`apart` makes a state orthogonal to the mean of the states before it (Mohankumar et al. 2020, the
Orthogonal LSTM): its projection on that mean is taken away, and the rest goes on into the next
step. This differs from the authors' code in three ways. Theirs has one direction; ours has two,
each orthogonal to its own earlier states. Theirs starts at random, ours at zero. Both add 1e-6 to
a divisor; ours is the square of the sum of the earlier states, not of their mean, so that less of
the projection is left.

Letters in shape comments: B batch, T tokens, D embedding, H one direction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

GUARD = 1e-6  # of the division by S.S; a share of at most GUARD / (S.S) of the projection is left


def apart(states: Tensor, earlier: Tensor) -> Tensor:
    """States (..., H) without their projection on the sum of the `earlier` ones, (..., H).

    h - (h.S / (S.S + 1e-6)) S. What is left of the projection is at most 1e-6 / (S.S) of it.
    """
    along = (states * earlier).sum(-1, keepdim=True)
    return states - along / ((earlier * earlier).sum(-1, keepdim=True) + GUARD) * earlier


def run_apart(lstm: nn.LSTM, embeddings: Tensor) -> Tensor:
    """The states (B, T, H) of an LSTM whose states are kept apart, on embeddings (B, T, D)."""
    inputs, recurrent = _gates(lstm, embeddings).unbind(1), lstm.get_parameter("weight_hh_l0").T
    hidden = cell = earlier = embeddings.new_zeros(len(embeddings), lstm.hidden_size)
    states = []
    for gates in inputs:
        hidden, cell = _step(torch.addmm(gates, hidden, recurrent), cell)
        hidden = apart(hidden, earlier)
        earlier = earlier + hidden
        states.append(hidden)
    return torch.stack(states, dim=1)


def run_locally(lstm: nn.LSTM, embeddings: Tensor, kept_apart: bool) -> Tensor:
    """The LSTM's states (B, T, H), where step t takes what comes before it as a constant."""
    recurrent = lstm.get_parameter("weight_hh_l0").T
    with torch.no_grad():
        hidden = cell = earlier = embeddings.new_zeros(len(embeddings), lstm.hidden_size)
        before: list[tuple[Tensor, Tensor, Tensor]] = []
        for gates in _gates(lstm, embeddings).unbind(1):
            context = hidden @ recurrent
            before.append((context, cell, earlier))
            hidden, cell = _step(gates + context, cell)
            if kept_apart:
                hidden = apart(hidden, earlier)
                earlier = earlier + hidden
    contexts, cells, sums = (torch.stack(x, dim=1) for x in zip(*before, strict=True))
    states = _step(_gates(lstm, embeddings) + contexts, cells)[0]
    return apart(states, sums) if kept_apart else states


def _gates(lstm: nn.LSTM, embeddings: Tensor) -> Tensor:
    """The part of every step's gates that comes from the input: (B, T, 4H)."""
    bias = lstm.get_parameter("bias_ih_l0") + lstm.get_parameter("bias_hh_l0")
    return nn.functional.linear(embeddings, lstm.get_parameter("weight_ih_l0"), bias)


def _step(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """New hidden state and cell (..., H) from all gates (..., 4H), in torch's order i, f, g, o."""
    i, f, g, o = gates.chunk(4, dim=-1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell
