"""What attention attribution computes; what it means stands in `attribution`.

Letters in shape comments: B batch, V points, H heads, T tokens, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnaudit.readings.gradient_passes import slopes_of
from attnaudit.readings.seen import NUMBERS, Seen


def attributed(seen: Seen, steps: int) -> Tensor:
    """(B, T) the attributions of the weights, summed over heads; see `by_head`."""
    return by_head(seen, steps).sum(1)


def by_head(seen: Seen, steps: int) -> Tensor:
    """(B, H, T) each weight times the mean gradient of the target's probability along the path.

    All weights grow together from 0 to their own in `steps` stretches, and the gradient is taken in
    the middle of each. Their sum is F(alpha) - F(0), but for an error of order 1 / steps^2.
    """
    alpha = seen.alpha
    points = (torch.arange(steps, dtype=alpha.dtype, device=alpha.device) + 0.5) / steps
    at_once = max(1, NUMBERS // alpha.numel())
    total = torch.zeros_like(alpha)
    for some in torch.split(points, at_once):
        with torch.enable_grad():
            weights = (some[None, :, None, None] * alpha.unsqueeze(1)).requires_grad_()
            probs = seen.model.read(seen.encoded, weights).softmax(-1)  # (B, V, C)
            target = seen.target.view(-1, 1, 1).expand(-1, len(some), 1)
            (slopes,) = slopes_of(probs.gather(2, target), [weights])
        total += slopes.sum(1)
    return alpha * total / steps
