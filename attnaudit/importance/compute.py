"""Every importance measure of a batch, by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.execution.seeds import generator_for
from attnaudit.importance.gradients import (
    attention_gradient,
    gradients,
    integrated_gradients,
    own_logit,
)
from attnaudit.importance.leave_one_out import leave_one_out, leave_one_out_mask
from attnaudit.models.interface import AttentionModel, capability

Scores = NDArray[np.float32]
# Deletions that share work keep little, and long texts pay for each call: more may go at a time.
DELETION_BATCHES = 16


@dataclass(frozen=True)
class Importances:
    """Scores by measure, each (B, W) and 0 beyond an instance's last word; all magnitudes.

    `completeness_error` (B,) is given beside integrated gradients.
    """

    scores: dict[str, Scores]
    completeness_error: Scores | None = None


def importances(
    model: AttentionModel,
    batch: Batch,
    alpha: Tensor,
    probs: Tensor,
    target: Tensor,
    measures: Collection[str],
    ids: Sequence[str],
    seed: int,
    budget: int,
) -> Importances:
    """The `measures` of a batch.

    `alpha` (B, W) is the attention on words, `probs` (B, C) the model's answers, `target` (B,)
    the class whose probability is explained. `ids` and `seed` fix what is random for an instance,
    whatever batch it is in.
    """
    found: dict[str, Tensor] = {}
    error = None
    if {"gradient", "gradient_flowing", "gradient_l2"} & set(measures):
        found |= gradients(model, batch, target)
    if "attention_gradient" in measures:
        found["attention_gradient"] = attention_gradient(model, batch, target)
    if {"gradient_own_logit", "attention_null"} & set(measures):
        own = own_logit(model, batch, target)
        found["gradient_own_logit"] = own
        shuffled = _shuffled(own, batch.word_counts, ids, (seed, 0))
        found["attention_null"] = alpha.to(own) * shuffled
    if "leave_one_out" in measures:
        room = budget * (DELETION_BATCHES if capability(model, "encode_deletions") else 1)
        found["leave_one_out"] = leave_one_out(model, batch, probs, room)
    if "leave_one_out_mask" in measures:
        hidden = model.mask_token
        assert hidden is not None  # `choice` has seen to it
        found["leave_one_out_mask"] = leave_one_out_mask(model, batch, probs, budget, hidden)
    if "integrated_gradients" in measures:
        found["integrated_gradients"], error = integrated_gradients(model, batch, target)
    if "random" in measures:
        counts = batch.word_counts.unsqueeze(1)
        ranks = torch.arange(1, alpha.shape[1] + 1, device=counts.device)
        ranking = (ranks * (ranks <= counts)).to(alpha)  # (B, W)
        found["random"] = _shuffled(ranking, batch.word_counts, ids, (seed, 1))
    return Importances(
        {name: found[name].float().cpu().numpy() for name in found if name in measures},
        None if error is None else error.float().cpu().numpy(),
    )


def _shuffled(values: Tensor, counts: Tensor, ids: Sequence[str], seeds: tuple[int, int]) -> Tensor:
    """Each row's first `counts` values in an order that its id and the seeds decide."""
    order = torch.arange(values.shape[1]).repeat(len(ids), 1)
    for row, (name, n) in enumerate(zip(ids, counts.tolist(), strict=True)):
        order[row, :n] = torch.from_numpy(generator_for(name, *seeds).permutation(n))
    return values.gather(1, order.to(values.device))
