"""Geometry of the vectors that attention averages."""

from __future__ import annotations

from torch import Tensor


def conicity(vectors: Tensor, content: Tensor) -> Tensor:
    """Mean |cosine| of each content vector with their mean: (B,), in [0, 1].

    1 for vectors of one direction, of which every weighted mean is alike: permuting attention
    cannot matter there. `vectors` (B, H, T, D), mean over heads; `content` (B, T). Invariant to
    rotation and to one positive scale. (Chandrahas et al. 2018; Mohankumar et al. 2020.)
    """
    weights = content.unsqueeze(1).to(vectors)  # (B, 1, T)
    count = weights.sum(-1, keepdim=True)
    mean = (vectors * weights.unsqueeze(-1)).sum(2, keepdim=True) / count.unsqueeze(-1)
    norms = (vectors.norm(dim=-1) * mean.norm(dim=-1)).clamp_min(1e-12)
    cosines = ((vectors * mean).sum(-1) / norms).abs()  # (B, H, T)
    by_head: Tensor = (cosines * weights).sum(-1) / count.squeeze(-1)
    return by_head.mean(1)
