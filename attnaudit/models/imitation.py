"""Imitators and adversaries: models that answer as another does, and attend differently.

Wiegreffe & Pinter 2019, section 4: a fresh model minimises, over the training set, TVD between
its answers and the base model's, less lambda times KL(its attention || the base's). Labels are not
used. With lambda 0 it only imitates. Deviations from the authors' code: TVD is the full one, half
the L1 distance over classes, so that our lambda is twice theirs; KL has a bound, which it lacks
where the base attends to nothing; the epoch is picked on dev.

The bound comes from a floor under the base's weights, not from cutting the KL of an instance off:
a little weight on a token where the base has e^-30 already makes a KL of 10, and one that is cut
off has no gradient, so that the rest of the weight would stay where it is. On one peaked base a
tenth of the instances lay beyond 10 at lambda 0 already, where nothing pulls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.guided import Kept
from attnaudit.models.interface import AttentionModel

KL_CLIP = 10.0  # nats: base weights below e^-10, which is 5e-5, count as that


def distances(model: AttentionModel, batch: Batch, base: Kept) -> tuple[Tensor, Tensor]:
    """TVD of answers, (B,) in [0, 1], and KL of attentions, (B,) in nats, in [0, KL_CLIP].

    Attention is the mean over heads, renormalised over the content.
    """
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    probs = model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)
    tvd = (probs - base.probs[batch.rows]).abs().sum(-1) / 2
    tiny = torch.finfo(probs.dtype).tiny
    ours = alpha.mean(1) * batch.content
    ours = ours / ours.sum(1, keepdim=True).clamp_min(tiny)
    # Outside the content ours is 0, and 0 times a finite number is 0 with a gradient of 0 for it.
    logs = ours.clamp_min(tiny).log() - base(batch).clamp_min(math.exp(-KL_CLIP)).log()
    # At most KL_CLIP as it is, but for rounding; the floor can bring it just below 0.
    return tvd, (ours * logs).sum(1).clamp(0, KL_CLIP)


class Imitation:
    """The objective TVD - lambda KL; the dev score is its negative mean.

    `train` and `dev` are what the base model attends to and answers on those splits.
    """

    name = "objective"

    def __init__(self, strength: float, train: Kept, dev: Kept, batches: Sequence[Batch]) -> None:
        self.strength, self._train, self._dev, self._batches = strength, train, dev, batches

    def losses(self, model: AttentionModel, batch: Batch) -> Tensor:
        """See `Objective`."""
        tvd, kl = distances(model, batch, self._train)
        return tvd - self.strength * kl

    @torch.no_grad()
    def score(self, model: AttentionModel) -> float:
        """See `Objective`."""
        model.eval()
        found = [distances(model, batch, self._dev) for batch in self._batches]
        tvd, kl = (torch.cat(part).double().mean() for part in zip(*found, strict=True))
        return float(self.strength * kl - tvd)
