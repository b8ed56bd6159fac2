"""How far answers and attentions are apart, as tensors that gradients pass through.

`measures.divergences` has the same for the numbers in records.

Letters in shape comments: C classes, T tokens.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def tvd(p: Tensor, q: Tensor) -> Tensor:
    """Total variation distance over the last axis, the classes: in [0, 1]."""
    return (p - q).abs().sum(-1) / 2


def jsd(p: Tensor, q: Tensor) -> Tensor:
    """Jensen-Shannon divergence over the last axis, in nats; its gradient is finite at 0 too."""
    total = p + q
    tiny = torch.finfo(total.dtype).tiny

    def entropy(x: Tensor) -> Tensor:
        return -(x * x.clamp_min(tiny).log()).sum(-1)

    # Written out, the logarithms of 2 add up to one half of all weight there is.
    return (math.log(2) * total.sum(-1) + entropy(total) - entropy(p) - entropy(q)) / 2


def log_odds(logits: Tensor, classes: Tensor) -> Tensor:
    """Log-odds (...) of one class against all others, from logits (..., C).

    `classes` (...) may have axes of size 1 where one class is asked for throughout.
    """
    chosen = torch.arange(logits.shape[-1], device=logits.device) == classes.unsqueeze(-1)
    others = logits.masked_fill(chosen, -torch.inf).logsumexp(-1)
    odds: Tensor = (logits * chosen).sum(-1) - others
    return odds
