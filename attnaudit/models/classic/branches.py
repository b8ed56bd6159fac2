"""What an LSTM gives for every text that lacks one token, sharing what a deletion does not change.

Input projections are computed once for all texts, and states before a deletion once for all
deletions behind it. Of the states only some linear map is wanted: it is taken of each state in the
product that gives the next step's gates, so that shared states share it too, and no state is kept.

Letters in shape comments: B batch, T tokens, D embedding, H one direction, V deletions, L rows in
use, P places that are read, K what the map gives.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attnaudit.models.arithmetic import product
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
) -> Tensor:
    """Put into `seen` what `weight` (K, H) makes of the states behind each deletion.

    `seen` is (P, V, B, K), for V deletions: of token first, first+1, .... Its places are those of a
    shorter text without so many at either end that P are left. Behind is, `backwards`, before: what
    is left of `seen` rests on states of the whole text. They are what this gives, (T, B, H), 0
    where nobody reads them. `kept_apart`: each state is made orthogonal to the mean of those before
    it, see `recurrence`.

    One row of the state runs over the whole text. At step t the row of the text without t starts
    as a copy of that row *before* t; from then on it is updated with the others, so each step costs
    as many rows as there are deletions behind it. Rows are ordered so that those in use are next to
    each other: the whole text first and the deletions as they come, or, `backwards`, the mirror
    image.
    """
    places, variants, batch, width = seen.shape
    tokens, size = embeddings.shape[1], lstm.hidden_size
    margin = (tokens - 1 - places) // 2
    hidden = embeddings.new_zeros(variants + 1, batch, size)
    cell = torch.zeros_like(hidden)  # doubled, as scores of tanh are: see `inlet`
    earlier = torch.zeros_like(hidden) if kept_apart else None  # the sum of the states so far
    own = embeddings.new_zeros(tokens, batch, size)
    whole = variants if backwards else 0
    inputs, recurrent = _scores(lstm, embeddings)
    both, scores = torch.cat([recurrent, weight]), len(recurrent)
    read: tuple[slice, int, slice] | None = None  # rows of the states, and where they go in `seen`
    for t in range(tokens - 1, margin - 1, -1) if backwards else range(tokens - margin):
        before, after = min(max(t - first, 0), variants), min(max(t + 1 - first, 0), variants)
        live = slice(after, variants + 1) if backwards else slice(before + 1)
        if before < after:  # there is a text without t
            branch = before if backwards else after
            hidden[branch], cell[branch] = hidden[whole], cell[whole]
            if earlier is not None:
                earlier[branch] = earlier[whole]
        made = product(hidden[live].flatten(0, 1), both).view(-1, batch, len(both))
        if read is not None:
            rows, place, of = read  # all in use still
            begin = live.start or 0
            seen[place, of] = made[rows.start - begin : rows.stop - begin, :, scores:]
        _step(made[..., :scores].add_(inputs[t]), hidden[live], cell[live])
        if earlier is not None:
            hidden[live] = apart(hidden[live], earlier[live])
            earlier[live] += hidden[live]
        own[t] = hidden[whole]
        # Token t stands one place earlier in the texts that lack a token before it.
        rows, place, of = slice(1, before + 1), t - 1 - margin, slice(before)
        if backwards:
            rows, place, of = slice(after, variants), t - margin, slice(after, variants)
        read = (rows, place, of) if rows.start < rows.stop and 0 <= place < places else None
    if read is not None:
        rows, place, of = read
        seen[place, of] = product(hidden[rows].flatten(0, 1), weight).view(-1, batch, width)
    return own


def together(
    ahead: nn.LSTM,
    back: nn.LSTM,
    embeddings: Tensor,
    first: int,
    weight: Tensor,
    bias: Tensor,
    seen: Tensor,
    kept_apart: bool,
) -> None:
    """Put into `seen` (P, V, B, K) what `weight` (K, 2H) and `bias` make of both directions.

    Each state has one half that a deletion moves, and one half of the whole text.
    """
    places, variants = seen.shape[:2]
    margin = (embeddings.shape[1] - 1 - places) // 2
    given = []  # of the whole text, by direction: (T, B, K)
    for lstm, part, backwards in zip(
        (ahead, back), weight.chunk(2, dim=1), (False, True), strict=True
    ):
        half = part.contiguous()
        own = branches(lstm, embeddings, first, half, seen, backwards, kept_apart)
        given.append(product(own.flatten(0, 1), half, bias).view(*own.shape[:2], -1))
    for place in range(places):
        t = place + margin
        lacking = min(max(t + 1 - first, 0), variants)  # what is deleted stands before
        seen[place, :lacking] += given[1][t + 1]
        seen[place, lacking:] += given[0][t]


def _scores(lstm: nn.LSTM, embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """What each step's gates get from the input (T, B, 4H), and the recurrent weights (4H, H)."""
    batch, tokens, width = embeddings.shape
    weight, bias, recurrent = weights_of(lstm)
    rows = embeddings.transpose(0, 1).reshape(-1, width)  # (T*B, D)
    return product(rows, weight, bias).view(tokens, batch, -1), recurrent


def _step(gates: Tensor, hidden: Tensor, cell: Tensor) -> None:
    """Move `hidden` and the doubled `cell` (L, B, H) on; `gates` (L, B, 4H) are used up."""
    i, f, g, o = gates.sigmoid_().chunk(4, dim=-1)
    cell.mul_(f).addcmul_(i, g, value=4).sub_(i, alpha=2)  # 2 (f c + i (2g - 1))
    torch.sigmoid(cell, out=hidden).mul_(2).sub_(1).mul_(o)
