"""Two models from one training: one by the recipe, and one that is trained until it stops.

Where the learning rate is constant, a training until the loss on dev stops falling begins with the
very epochs of a training by the recipe with the same seed (see `convergence`). So one training is
enough for both. After each epoch both look at the same answers on dev, and each keeps the weights
of the epoch that it picks. They are the same bits as those of two trainings.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.convergence import Convergence, UntilStopped, stretched
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import predict
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import Labels, TrainingData, out_of_patience

Weights = dict[str, Tensor]


@dataclass
class _Pick:
    """What a training of its own would keep: the weights of the epoch with the best dev score."""

    goal: Labels
    schedule: Schedule
    stopped: Callable[[], bool]
    weights: Weights = field(default_factory=dict)
    ended: bool = False
    _scores: list[float] = field(default_factory=list)
    _best: int = 0

    def take(self, probs: NDArray[np.float64], weights: Weights) -> None:
        """Look at an epoch, unless the training would have ended before it."""
        if self.ended:
            return
        score = self.goal.score_of(probs)
        best = max(self._scores, default=-math.inf)
        self._scores.append(score)
        if score > best:
            self._best, self.weights = len(self._scores), weights
        done = len(self._scores)
        self.ended = (
            done >= self.schedule.epochs
            or self.stopped()
            or out_of_patience(self.schedule, done, self._best)
        )


class Twofold:
    """The objective of both trainings, for a model that learns labels by a constant rate.

    To be trained by `longest`, until `stopped`. Then `by_recipe` and `until_stopped` are the
    weights of the two models.
    """

    name = "negative loss"

    def __init__(self, model: AttentionModel, data: TrainingData, schedule: Schedule) -> None:
        if not schedule.constant:
            raise ValueError("with another learning rate the two trainings have nothing in common")
        whole = stretched(schedule)
        self.longest = whole.model_copy(update={"patience": None})
        self._until = UntilStopped(model, data, whole)
        self._dev = data.dev_batches(model.boundaries)
        self._picks = (
            _Pick(Labels(model, data, schedule), schedule, lambda: False),
            _Pick(self._until, whole, self._until.stopped),
        )

    def losses(self, model: AttentionModel, batch: Batch) -> Tensor:
        """See `Objective`."""
        return self._until.losses(model, batch)

    def score(self, model: AttentionModel) -> float:
        """The negative loss on dev; raises DivergedError where that is no number."""
        probs, weights = predict(model, self._dev), copy.deepcopy(model.state_dict())
        for pick in self._picks:
            pick.take(probs, weights)
        return -self._until.convergence().dev_loss

    def stopped(self) -> bool:
        """Whether both trainings have ended."""
        return all(pick.ended for pick in self._picks)

    @property
    def by_recipe(self) -> Weights:
        """Those of the model that the recipe makes."""
        return self._picks[0].weights

    @property
    def until_stopped(self) -> Weights:
        """Those of the model that was trained until it stopped improving."""
        return self._picks[1].weights

    def convergence(self) -> Convergence:
        """How the training until it stops ended."""
        return self._until.convergence()
