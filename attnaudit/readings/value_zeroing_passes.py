"""What value zeroing computes; what it means stands in `value_zeroing`.

Letters in shape comments: B batch, V variants, H heads, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.distances import tvd
from attnaudit.models.interface import capability
from attnaudit.readings.rollout_passes import followed
from attnaudit.readings.seen import NUMBERS, Seen


def of_last_layer(seen: Seen) -> Tensor:
    """(B, T) cosine distances at the audited row of the last layer, each in [0, 2]."""

    def compute(batch: Batch, row: Tensor) -> Tensor:
        (found,) = _distances(seen, batch, [_count(seen) - 1])
        return found[torch.arange(len(row), device=found.device), row.to(found.device)]

    return seen.by_parts(compute)


def through_layers(seen: Seen) -> Tensor:
    """(B, T) the distances of all layers followed from the audited row down; sums to 1.

    A layer whose result does not move at some position passes nothing on from there.
    """

    def compute(batch: Batch, row: Tensor) -> Tensor:
        real = batch.mask.unsqueeze(1)  # (B, 1, T)
        found = [d * real.to(d.device) for d in _distances(seen, batch, range(_count(seen)))]
        sums = [d.sum(-1, keepdim=True) for d in found]
        least = torch.finfo(torch.float64).tiny
        shares = [d / s.clamp_min(least) for d, s in zip(found, sums, strict=True)]
        return followed(shares, row)

    return seen.by_parts(compute)


def _count(seen: Seen) -> int:
    assert seen.model.layer_count is not None
    return seen.model.layer_count


def _distances(seen: Seen, batch: Batch, layers: Sequence[int]) -> list[Tensor]:
    find = capability(seen.model, "without_values")
    assert find is not None
    found: list[Tensor] = find(batch, layers)
    return found


def of_answer(seen: Seen) -> Tensor:
    """(B, T) the TVD of the answer, in [0, 1], if the weights on a position are 0 in all heads."""
    alpha = seen.alpha
    texts, heads, tokens = alpha.shape
    own = seen.model.read(seen.encoded, alpha.unsqueeze(1)).softmax(-1)  # (B, 1, C)
    left = 1 - torch.eye(tokens, dtype=alpha.dtype, device=alpha.device)  # (T, T)
    at_once = max(1, NUMBERS // (texts * heads * tokens))
    parts = []
    for some in torch.split(left, at_once):
        variants = alpha.unsqueeze(1) * some[None, :, None]  # (B, V, H, T)
        said = seen.model.read(seen.encoded, variants).softmax(-1)
        parts.append(tvd(said, own))
    # Nothing is taken away where there is no weight: what differs is rounding.
    return torch.cat(parts, dim=1) * (alpha > 0).any(1)
