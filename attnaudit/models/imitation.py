"""Imitators and adversaries: models that answer as another does, and attend differently.

Wiegreffe & Pinter 2019, section 4: a fresh model minimises, over the training set, TVD between
its answers and the base model's, less lambda times KL(its attention || the base's). Labels are not
used. With lambda 0 it only imitates. Where the recipe has repairs (`repairs`), they are added.
Deviations from the authors' code: TVD is the full one, half the L1 distance over classes, so that
our lambda is twice theirs; KL has a bound, which it lacks where the base attends to nothing; the
epoch is picked on dev.

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
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.distances import tvd
from attnaudit.models.guided import Kept, Show, mean_of_heads
from attnaudit.models.interface import AttentionModel, Encoded
from attnaudit.models.repairs import added_losses
from attnaudit.models.schedule import Schedule

KL_CLIP = 10.0  # nats: base weights below e^-10, which is 5e-5, count as that


def distances(
    model: AttentionModel,
    batch: Batch,
    base: Kept,
    show: Show = mean_of_heads,
    encoded: Encoded | None = None,
) -> tuple[Tensor, Tensor]:
    """TVD of answers, (B,) in [0, 1], and KL of attentions, (B,) in nats, in [0, KL_CLIP].

    Attentions are what `show` makes of the heads, as in `base`, renormalised over the content.
    `encoded` is the batch as the model encoded it, where that is known.
    """
    encoded = model.encode(batch) if encoded is None else encoded
    alpha = model.attend(encoded)
    probs = model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)
    moved = tvd(probs, base.probs[batch.rows])
    tiny = torch.finfo(probs.dtype).tiny
    ours = show(alpha) * batch.content
    ours = ours / ours.sum(1, keepdim=True).clamp_min(tiny)
    # Outside the content ours is 0, and 0 times a finite number is 0 with a gradient of 0 for it.
    logs = ours.clamp_min(tiny).log() - base(batch).clamp_min(math.exp(-KL_CLIP)).log()
    # At most KL_CLIP as it is, but for rounding; the floor can bring it just below 0.
    return moved, (ours * logs).sum(1).clamp(0, KL_CLIP)


class Imitation:
    """The objective TVD - lambda KL; the dev score is its negative mean.

    `train` and `dev` are what the base model shows of its attention, and answers, on those splits;
    `show` shows that of the trained model. The repairs of `schedule` are added to the losses, and
    do not count in the score.
    """

    name = "objective"

    def __init__(
        self,
        strength: float,
        train: Kept,
        dev: Kept,
        batches: Sequence[Batch],
        show: Show = mean_of_heads,
        schedule: Schedule | None = None,
    ) -> None:
        self._schedule = schedule or Schedule()
        self.strength, self._train, self._dev, self._batches = strength, train, dev, batches
        self._show = show

    def losses(self, model: AttentionModel, batch: Batch) -> Tensor:
        """See `Objective`."""
        encoded = model.encode(batch)
        moved, kl = distances(model, batch, self._train, self._show, encoded)
        losses = moved - self.strength * kl
        added = added_losses(self._schedule, model, batch, encoded)
        return losses if added is None else losses + added

    @torch.no_grad()
    def score(self, model: AttentionModel) -> float:
        """See `Objective`."""
        model.eval()
        found = [distances(model, batch, self._dev, self._show) for batch in self._batches]
        moved, kl = (in_float64(torch.cat(part)).mean() for part in zip(*found, strict=True))
        return float(self.strength * kl - moved)
