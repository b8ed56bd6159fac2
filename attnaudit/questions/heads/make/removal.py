"""What a model answers without some heads, and how its loss would move if one spoke softer.

Letters in shape comments: B batch, L layers, H heads, T tokens, C classes, V sets of heads.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.interface import AttentionModel, capability


def factors_without(model: AttentionModel, removed: Collection[int], like: Tensor) -> Tensor:
    """(1, L, H, 1) factors of heads: 0 for those `removed`, by their number, and 1 for others."""
    assert model.layer_count is not None
    assert model.head_count is not None
    factors = torch.ones(model.layer_count * model.head_count, device=like.device)
    factors[list(removed)] = 0
    return factors.view(1, model.layer_count, model.head_count, 1)


@torch.no_grad()
def answers(model: AttentionModel, batch: Batch, sets: Sequence[Collection[int]]) -> Tensor:
    """Class probabilities (B, V, C) without each of some sets of heads."""
    return _logits(model, batch, sets).softmax(-1)


@torch.no_grad()
def losses_without(model: AttentionModel, batch: Batch, removed: Collection[int]) -> Tensor:
    """(B, L * H) the loss of each text without `removed` and one head more; NaN for those."""
    assert model.layer_count is not None
    assert model.head_count is not None
    heads = model.layer_count * model.head_count
    left = [head for head in range(heads) if head not in removed]
    logits = _logits(model, batch, [{*removed, head} for head in left])
    chances = in_float64(logits).log_softmax(-1)
    gold = batch.labels.view(-1, 1, 1).expand(-1, len(left), 1).to(chances.device)
    lost = -chances.gather(2, gold).squeeze(2)  # (B, left)
    found = torch.full((len(batch), heads), torch.nan, dtype=lost.dtype)
    found[:, left] = lost.cpu()
    return found


def gradients(model: AttentionModel, batch: Batch) -> Tensor:
    """(B, L, H, T) the slope of each text's loss in the factor of each head at each position.

    The loss is the cross-entropy of the gold class. The slope is the product of what the head gives
    there with the gradient of the loss at that.
    """
    assert model.layer_count is not None
    assert model.head_count is not None
    scale = capability(model, "scale_heads")
    assert scale is not None
    shape = (len(batch), model.layer_count, model.head_count, batch.ids.shape[1])
    with torch.enable_grad():
        factors = torch.ones(shape, device=batch.ids.device, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(
            scale(batch, factors), batch.labels, reduction="sum"
        )
        (slopes,) = torch.autograd.grad(loss, factors)
    return slopes * batch.mask[:, None, None]


def _logits(model: AttentionModel, batch: Batch, sets: Sequence[Collection[int]]) -> Tensor:
    scale = capability(model, "scale_heads")
    assert scale is not None
    said = [scale(batch, factors_without(model, one, batch.ids), None) for one in sets]
    return torch.stack(said, dim=1)  # (B, V, C)
