"""What readings by gradients compute; what they mean stands in `gradients`.

Letters in shape comments: B batch, H heads, T tokens, C classes, D embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.distances import log_odds
from attnaudit.models.interface import capability
from attnaudit.models.recurrent import differentiable
from attnaudit.readings.norm_passes import lengths
from attnaudit.readings.rollout_passes import followed
from attnaudit.readings.seen import Seen


def times_gradient(seen: Seen) -> Tensor:
    """(B, T) weights times the derivative of the class's log-odds by them, summed over heads."""
    with torch.enable_grad():
        weights = seen.alpha.detach().clone().requires_grad_()
        logits = seen.model.read(seen.encoded, weights.unsqueeze(1)).squeeze(1)
        (slopes,) = slopes_of(log_odds(logits, seen.target), [weights])
    return (seen.alpha * slopes).sum(1)


def relevance(seen: Seen) -> Tensor:
    """(B, T) the row of the product of I + R_l over all layers, less I; at least 0."""
    find = capability(seen.model, "attention_graph")
    assert find is not None
    target = dict(zip(seen.batch.rows.tolist(), seen.target.tolist(), strict=True))

    def compute(batch: Batch, row: Tensor) -> Tensor:
        logits, weights = find(batch)
        wanted = [target[r] for r in batch.rows.tolist()]
        with torch.enable_grad():
            odds = log_odds(logits, torch.tensor(wanted, device=logits.device))
            slopes = slopes_of(odds, weights)
        eye = torch.eye(weights[0].shape[-1], device=logits.device)
        with torch.no_grad():
            mixed = [
                eye + (a * slope).clamp_min(0).mean(1)
                for a, slope in zip(weights, slopes, strict=True)
            ]
            own = torch.nn.functional.one_hot(row.to(eye.device), len(eye))
            return followed(mixed, row) - own

    return seen.by_parts(compute)


def times_input_gradient(seen: Seen) -> Tensor:
    """(B, T) the mean attention of heads times ||e_t * dl/de_t||."""
    model = seen.model
    with torch.enable_grad():
        embeddings = model.embed(seen.batch).detach().requires_grad_()
        with differentiable(model):
            encoded = model.encode(seen.batch, embeddings)
        alpha = model.attend(encoded)
        logits = model.read(encoded, alpha.unsqueeze(1)).squeeze(1)
        (slopes,) = slopes_of(log_odds(logits, seen.target), [embeddings])
    with torch.no_grad():
        return seen.alpha.mean(1) * lengths(embeddings * slopes)


def slopes_of(values: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """The gradients of sum(values) at the leaves; 0 where the values do not depend on one."""
    if not values.requires_grad:
        return tuple(torch.zeros_like(leaf) for leaf in leaves)
    return torch.autograd.grad(values.sum(), leaves, materialize_grads=True)
