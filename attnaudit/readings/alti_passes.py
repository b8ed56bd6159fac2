"""What ALTI computes; what it means stands in `alti`.

Letters in shape comments: B batch, Q rows, T tokens, M of the states.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.interface import Joined, Layer
from attnaudit.readings.norm_passes import moved_by, normed, parts_of, sums_of
from attnaudit.readings.rollout_passes import followed
from attnaudit.readings.seen import NUMBERS, Seen


def of_last_layer(seen: Seen) -> Tensor:
    """(B, T) the shares of the audited row in the last layer, which sum to 1."""
    joined = _joins(seen)[-1]

    def compute(batch: Batch, layers: Sequence[Layer], row: Tensor) -> Tensor:
        return shares(layers[-1], joined, row.unsqueeze(1))[:, 0]

    return seen.by_layers(compute)


def through_layers(seen: Seen) -> Tensor:
    """(B, T) the shares of all layers followed from the audited row down; sums to 1."""
    joins = _joins(seen)

    def compute(batch: Batch, layers: Sequence[Layer], row: Tensor) -> Tensor:
        texts, tokens = batch.ids.shape
        every = torch.arange(tokens, device=batch.ids.device).expand(texts, -1)
        found = [shares(one, joined, every) for one, joined in zip(layers, joins, strict=True)]
        return followed(found, row)

    return seen.by_layers(compute)


def shares(layer: Layer, joined: Joined, rows: Tensor) -> Tensor:
    """(B, Q, T) how near each position's part comes to the whole of `rows` (B, Q).

    In [0, 1]; those of a row sum to 1. Where no part points towards the whole, as it may be where
    biases are large, the row itself has all: the definition would divide by 0.
    """
    sums, moved = sums_of(layer, joined), moved_by(layer, joined)
    whole = sums if joined.norm is None else normed(sums, sums, joined.norm, biased=True)
    each = torch.arange(len(rows), device=sums.device).unsqueeze(1)
    at_once = max(1, NUMBERS // sums.numel())
    found = []
    for some in torch.split(rows.to(each.device), at_once, dim=1):
        parts = parts_of(layer, joined, some, moved)  # (B, Q, T, M)
        if joined.norm is not None:
            parts = normed(parts, sums[each, some].unsqueeze(2), joined.norm)
        target = whole[each, some].unsqueeze(2)  # (B, Q, 1, M)
        near = target.abs().sum(-1) - (target - parts).abs().sum(-1)
        found.append(near.clamp_min(0))
    made = torch.cat(found, dim=1)
    total = made.sum(-1, keepdim=True)
    alone = torch.nn.functional.one_hot(rows.to(made.device), made.shape[-1]).to(made)
    return torch.where(total > 0, made / total.clamp_min(torch.finfo(made.dtype).tiny), alone)


def _joins(seen: Seen) -> list[Joined]:
    """How the attention of every layer joins its states, which `needs` has seen to."""
    return [joined for joined in seen.joins if joined is not None]
