"""Training until the loss on dev stops falling: for comparing what two kinds of model can reach.

A recipe's number of epochs suits the recipe's own models. A model with other attention may learn
more slowly, so that after as many epochs the gap between the two says how fast they learn. Here
both are trained until they stop improving, for at most `LONGEST` times the recipe's epochs, and the
epoch with the least loss on dev is kept. Accuracy and AUROC decide nothing: they stand still while
a model is still learning, and reach their ceiling long before it has finished.

This is our own rule. It is early stopping with patience (Prechelt 1998, "Early Stopping - But
When?"), with a least fall, since the loss of a model that has learned all keeps falling a little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from attnaudit.measures.influence import f1_values
from attnaudit.models.interface import AttentionModel
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import DivergedError, Labels, TrainingData

LONGEST = 3  # times the recipe's epochs that a training lasts at most
LEAST_FALL = 0.005  # of the loss on dev within the patience, in nats: less is no improvement
CEILING_LOSS = 0.1  # nats: with every dev text right, a loss below this has nowhere to go
_TINIEST = float(np.finfo(np.float32).tiny)


def stretched(schedule: Schedule) -> Schedule:
    """The schedule of a training until it stops: up to `LONGEST` times as many epochs.

    Where the learning rate is constant the first epochs are those of `schedule`. A warmup and decay
    are stretched with the epochs. The patience is the recipe's own; where it has none that could
    end its training, half of its epochs, rounded up, and at least 2.
    """
    patience = schedule.patience
    if patience is None or patience >= schedule.epochs:
        patience = max(2, math.ceil(schedule.epochs / 2))
    changed = {"epochs": LONGEST * schedule.epochs, "patience": patience}
    return schedule.model_copy(update=changed)


@dataclass(frozen=True)
class Convergence:
    """How a training ended. `dev_loss` is that of the epoch that was kept, in nats.

    `stopped`: whether it had stopped improving. If not, more epochs would have changed the model.
    """

    epochs: int
    stopped: bool
    dev_loss: float


class UntilStopped(Labels):
    """The labels, with the loss on dev to end the training and to pick its epoch.

    The dev loss is the mean cross-entropy of the dev texts, weighted by class as in training, in
    nats, without any penalty on the attention; lower is better. The score is its negative.
    """

    def __init__(self, model: AttentionModel, data: TrainingData, schedule: Schedule) -> None:
        super().__init__(model, data, schedule)
        self.name = "negative loss"
        assert schedule.patience is not None  # `stretched` has seen to it
        self._patience, self._classes = schedule.patience, data.classes
        self._losses: list[float] = []
        self._scores: list[float] = []

    @override
    def score_of(self, probs: NDArray[np.float64]) -> float:
        """See `Labels`; raises DivergedError where the loss on dev is no number."""
        weights = self._weights.cpu().double().numpy()[self._gold]
        right = probs[np.arange(len(probs)), self._gold]
        loss = float(np.average(-np.log(np.maximum(right, _TINIEST)), weights=weights))
        if not math.isfinite(loss):
            raise DivergedError("training diverged: the loss on dev is not finite")
        macro_f1 = f1_values(self._gold, probs.argmax(1)[None], self._classes, macro=True).mean()
        self._losses.append(loss)
        self._scores.append(float(macro_f1))
        return -loss

    def stopped(self) -> bool:
        """Whether the training has stopped improving, after the epochs so far.

        It has if the least dev loss fell by less than `LEAST_FALL` within the last epochs, as many
        as the patience; or if the best epoch has all dev texts right, with a loss below
        `CEILING_LOSS`.
        """
        return has_stopped(self._losses, self._scores, self._patience)

    def convergence(self) -> Convergence:
        """How the training ended."""
        return Convergence(len(self._losses), self.stopped(), min(self._losses))


def has_stopped(losses: list[float], scores: list[float], patience: int) -> bool:
    """See `UntilStopped.stopped`: of the dev loss and the macro-F1 on dev after each epoch."""
    best = int(np.argmin(losses))
    if scores[best] == 1 and losses[best] < CEILING_LOSS:
        return True
    before = losses[:-patience]
    return bool(before) and min(before) - losses[best] < LEAST_FALL
