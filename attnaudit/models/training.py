"""Training of a model, with selection on dev only.

What is minimised is an objective; the default learns labels, with the positive class weighted by
#negative / #positive, and the epoch with the best dev score is kept (Jain & Wallace 2019, section
3, and the authors' configuration). With which optimiser and for how long is said by `schedule`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from attnaudit.data.batch import Batch, collate
from attnaudit.data.collated import Collated, is_small
from attnaudit.data.instance import Instance
from attnaudit.data.store import token_counts
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.collector import COLLECTOR
from attnaudit.execution.device import rounding_allowed
from attnaudit.execution.files import atomic
from attnaudit.execution.observer import Observer, Task
from attnaudit.measures.scores import accuracy, auroc
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.models.predict import Batches, predict
from attnaudit.models.repairs import added_losses, check_repairs
from attnaudit.models.schedule import Schedule


@dataclass(frozen=True)
class TrainingData:
    """The instances a model learns from and is selected on.

    Models that learn from the same object share what it has collated.
    """

    train: Sequence[Instance]
    dev: Sequence[Instance]
    vocabulary: Vocabulary
    classes: int
    device: torch.device
    _collated: dict[bool, Collated] = field(default_factory=dict, init=False, repr=False)
    _on_dev: dict[bool, list[Batch]] = field(default_factory=dict, init=False, repr=False)

    def dev_batches(self, boundaries: bool) -> Sequence[Batch]:
        """The dev texts in batches, which are made once; what scores rest on may not change."""
        if boundaries not in self._on_dev:
            made = Batches(self.dev, self.vocabulary, boundaries, self.device)
            self._on_dev[boundaries] = list(made)
        return self._on_dev[boundaries]

    def batch(self, index: NDArray[np.int64], boundaries: bool) -> Batch:
        """The instances of train at `index` (B,), in that order."""
        if not self._keeps:
            some = [self.train[i] for i in index]
            return collate(some, self.vocabulary, boundaries=boundaries).to(self.device)
        if boundaries not in self._collated:
            made = Collated(self.train, self.vocabulary, boundaries=boundaries)
            self._collated[boundaries] = made
        return self._collated[boundaries].batch(index).to(self.device)

    @cached_property
    def _keeps(self) -> bool:
        return is_small(self.train)


class DivergedError(ModelError):
    """A training whose loss is no longer finite."""


class Objective(Protocol):
    """What a training minimises, and the dev score that picks its epoch.

    `name` is the score's name; a higher score is better.
    """

    name: str

    def losses(self, model: AttentionModel, batch: Batch) -> Tensor:
        """(B,) the loss of each instance of a train batch."""

    def score(self, model: AttentionModel) -> float:
        """The dev score of the model as it stands."""


class Labels:
    """Cross-entropy with the gold labels, with the recipe's repairs and the model's `penalty`.

    The dev score is AUROC or accuracy, as the schedule says. Raises InputError where dev gives no
    such score, or for a repair that does not fit the model.
    """

    def __init__(self, model: AttentionModel, data: TrainingData, schedule: Schedule) -> None:
        self.name: str = schedule.select or ("auroc" if data.classes == 2 else "accuracy")
        if self.name == "auroc" and data.classes != 2:
            raise InputError("select: auroc needs two classes", hint="use select: accuracy")
        self._dev = data.dev_batches(model.boundaries)
        self._gold = np.array([i.label for i in data.dev])
        nothing = np.zeros((len(self._gold), 2))
        if self.name == "auroc" and auroc(self._gold, nothing) is None:
            raise InputError(
                "the dev split has only one class, so auroc cannot select an epoch",
                hint="add the other class to it, or use select: accuracy",
            )
        self._weights = _class_weights(data, schedule).to(data.device)
        self._schedule = schedule
        check_repairs(schedule, model, self._dev[0])

    def losses(self, model: AttentionModel, batch: Batch) -> Tensor:
        """See `Objective`."""
        encoded = model.encode(batch)
        alpha = model.attend(encoded)
        logits = model.read(encoded, alpha.unsqueeze(1)).squeeze(1)
        losses = nn.functional.cross_entropy(logits, batch.labels, reduction="none")
        losses = losses * self._weights[batch.labels]
        if penalty := capability(model, "penalty"):
            losses = losses + penalty(batch, alpha)
        if (more := self.besides(batch, alpha)) is not None:
            losses = losses + more
        added = added_losses(self._schedule, model, batch, encoded)
        return losses if added is None else losses + added

    def besides(self, batch: Batch, alpha: Tensor) -> Tensor | None:
        """What is added to the loss of each instance for its attention (B, H, T): (B,)."""
        return None

    def score(self, model: AttentionModel) -> float:
        """See `Objective`."""
        return self.score_of(predict(model, self._dev))

    def score_of(self, probs: NDArray[np.float64]) -> float:
        """The dev score of answers (dev texts, classes)."""
        score = auroc(self._gold, probs) if self.name == "auroc" else accuracy(self._gold, probs)
        assert score is not None  # dev has instances, and of both classes where it must
        return score


@dataclass
class Progress:
    """Where a training stands after an epoch: all that is needed to go on, or to stop."""

    digest: str
    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the state atomically."""
        with atomic(path, "wb") as file:
            torch.save(vars(self), file)

    @classmethod
    def load(cls, path: Path, digest: str) -> Progress | None:
        """The state in `path`, None where there is none; raises InputError for another run's."""
        if not path.exists():
            return None
        try:
            state = cls(**torch.load(path, map_location="cpu", weights_only=True))
        except Exception as error:
            raise InputError(
                "is not the state of an interrupted training",
                where=path,
                hint="delete it, or train without --resume",
            ) from error
        if state.digest != digest:
            raise InputError(
                "was left by a training with another configuration or other data",
                where=path,
                hint="delete it, or train without --resume",
            )
        return state


def train(
    model: AttentionModel,
    data: TrainingData,
    schedule: Schedule,
    observer: Observer,
    *,
    objective: Objective | None = None,
    stopped: Callable[[], bool] | None = None,
    title: str = "train",
    digest: str = "",
    state_file: Path | None = None,
    resume: bool = False,
) -> Progress:
    """Train `model` in place and leave the weights of its best dev epoch in it.

    Without an `objective` it learns the labels of `data`. It ends after the schedule's epochs, or
    after as many without a better dev score as its patience says, or once it has `stopped`, which
    is asked after every epoch.

    After each epoch the state is written to `state_file`; with `resume` a training goes on from
    there and ends with the same weights, bit for bit, as one that was never interrupted (on the
    same machine and thread count). Who has kept the result deletes the file.

    Raises InputError for data that cannot be learned from or selected on, DivergedError if the loss
    is no longer finite.
    """
    goal = objective or Labels(model, data, schedule)
    optimiser = schedule.optimiser(model)

    progress = Progress(digest)
    if resume and state_file and (found := Progress.load(state_file, digest)):
        progress = found
        model.load_state_dict(progress.weights)
        optimiser.load_state_dict(progress.optimiser)

    COLLECTOR.begin()
    steps = math.ceil(len(data.train) / schedule.batch_size)
    done = len(progress.epochs)
    with observer.task(title, schedule.epochs * steps, done * steps) as task:
        for epoch in range(done, schedule.epochs):
            if out_of_patience(schedule, epoch, progress.best_epoch):
                break
            batches = _shuffled(model, data, schedule, epoch)
            stepper = _Stepper(model, schedule, optimiser, epoch * steps, schedule.epochs * steps)
            with _drawing(schedule.seed, epoch, data.device), schedule.products(data.device):
                mean_loss = _learn(model, batches, goal, stepper, task)
            if not math.isfinite(mean_loss):
                raise DivergedError(
                    f"training diverged: the loss is not finite after epoch {epoch + 1}",
                    hint="lower the learning rate",
                )
            score = goal.score(model)
            best = max((e[goal.name] for e in progress.epochs), default=-math.inf)
            progress.epochs.append({"loss": mean_loss, goal.name: score})
            progress.weights = copy.deepcopy(model.state_dict())
            if score > best:
                progress.best_epoch, progress.best_weights = epoch + 1, progress.weights
            progress.optimiser = optimiser.state_dict()
            if state_file:
                progress.save(state_file)
            task.advance(0, f"loss {mean_loss:.3f}  dev {goal.name} {score:.3f}")
            if stopped and stopped():
                break
    model.load_state_dict(progress.best_weights)
    model.eval()
    return progress


def out_of_patience(schedule: Schedule, done: int, best: int) -> bool:
    """Whether a training ends after so many epochs, of which number `best`, from 1, is the best."""
    return bool(schedule.patience) and done >= best + (schedule.patience or 0)


@contextmanager
def _drawing(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Within the context what torch draws, for dropout, depends on the seed and the epoch alone.

    A resumed training draws the same; what is drawn outside is as it would have been.
    """
    drawn = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        # torch.manual_seed reseeds every GPU, which a training on the CPU leaves alone.
        (torch.default_generator if device.type == "cpu" else torch).manual_seed(drawn)
        yield


@dataclass
class _Stepper:
    """Takes the steps of an optimiser, `taken` of `steps` so far."""

    model: AttentionModel
    schedule: Schedule
    optimiser: torch.optim.Optimizer
    taken: int
    steps: int

    def step(self, loss: Tensor) -> None:
        """Go down the gradient of `loss`."""
        self.taken += 1
        rate = self.schedule.learning_rate * self.schedule.rate(self.taken / (self.steps + 1))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if math.isfinite(self.schedule.clip):
            nn.utils.clip_grad_norm_(self.model.parameters(), self.schedule.clip)
        self.optimiser.step()


def _learn(
    model: AttentionModel,
    batches: Iterable[Batch],
    objective: Objective,
    stepper: _Stepper,
    task: Task,
) -> float:
    """One pass over the batches; the mean loss of an instance."""
    model.train()
    total: Tensor | float = 0.0
    seen = 0
    for batch in batches:
        with rounding_allowed(batch.ids.device):
            with stepper.schedule.precision(batch.ids.device):
                loss = objective.losses(model, batch).mean()
            stepper.step(loss)
        total += loss.detach() * len(batch)
        seen += len(batch)
        task.advance()
    return float(total) / seen


def _class_weights(data: TrainingData, schedule: Schedule) -> Tensor:
    """Loss weight of each class; balanced: 1 and #neg / #pos for two, N / (C n_c) for more."""
    if schedule.class_weights == "none":
        return torch.ones(data.classes)
    counts = np.bincount([i.label for i in data.train], minlength=data.classes)
    if (counts == 0).any():
        missing = int(np.flatnonzero(counts == 0)[0])
        raise InputError(
            f"the train split has no text of class {missing} (counted from 0)",
            hint="add some, or leave that label out",
        )
    if data.classes == 2:
        return torch.tensor([1.0, counts[0] / counts[1]], dtype=torch.float32)
    return torch.tensor(counts.sum() / (len(counts) * counts), dtype=torch.float32)


def _shuffled(
    model: AttentionModel, data: TrainingData, schedule: Schedule, epoch: int
) -> Iterator[Batch]:
    """One epoch's batches in random order, each of texts of similar length.

    Lengths are blurred by 10 % before sorting, so that batches differ between epochs. The order
    depends on the seed and the epoch alone: a resumed training sees the same one.
    """
    random = np.random.default_rng([schedule.seed, epoch])
    lengths = token_counts(data.train)
    order = np.argsort(lengths * random.uniform(0.9, 1.1, len(lengths)), kind="stable")
    chunks = np.array_split(order, math.ceil(len(order) / schedule.batch_size))
    random.shuffle(chunks)
    for chunk in chunks:
        yield data.batch(chunk, model.boundaries)
