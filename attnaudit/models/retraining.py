"""Training models beside the audited one: other seeds, imposed attention, imitators, probes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.data.collated import is_small
from attnaudit.data.dataset import Dataset
from attnaudit.data.instance import Instance
from attnaudit.data.store import Instances
from attnaudit.execution.budget import BATCH_TOKENS
from attnaudit.execution.observer import Observer
from attnaudit.models.blank import Blank, Fresh
from attnaudit.models.convergence import Convergence, UntilStopped, stretched
from attnaudit.models.deception import Deception, Heads, Marked
from attnaudit.models.guided import Guide, Guided, Kept, Show, keep, mean_of_heads
from attnaudit.models.imitation import Imitation
from attnaudit.models.interface import AttentionModel, ModelSpec
from attnaudit.models.predict import Batches, MadeOnce
from attnaudit.models.reordered import KeptDraw, Reordered, draw_anew
from attnaudit.models.repairs import check_repairs
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import Labels, Objective, Progress, TrainingData, train
from attnaudit.models.twofold import Twofold
from attnaudit.models.untrained import Saving, Trained, load_trained

R = TypeVar("R")
Guides = Mapping[str, Guide]  # by split
Said = tuple[Tensor, Tensor]  # of a batch: attention on words (B, W), and probabilities (B, C)
View = Callable[[AttentionModel, str], AttentionModel]  # a model as it is on a split


def as_it_is(model: AttentionModel, split: str) -> AttentionModel:
    """The view of a model that nothing is imposed on."""
    return model


def guided(guides: Guides) -> View:
    """The view under imposed attention."""
    return lambda model, split: Guided(model, guides[split])


def reordered(seed: int) -> View:
    """The view with attention in a random order: another one each time in training, else kept."""
    kept = KeptDraw(seed)
    return lambda model, split: Reordered(model, draw_anew if split == "train" else kept)


class _Viewed:
    """An objective of the train view of a model, which is scored with its dev view."""

    def __init__(self, goal: Objective, view: View) -> None:
        self._goal, self._view, self.name = goal, view, goal.name

    def losses(self, model: AttentionModel, batch: Batch) -> Tensor:
        return self._goal.losses(self._view(model, "train"), batch)

    def score(self, model: AttentionModel) -> float:
        return self._goal.score(self._view(model, "dev"))


@dataclass(frozen=True)
class Trainable:
    """What makes and trains models of a recipe.

    `fresh` makes untrained ones, and `schedule` trains them. `probe` makes untrained probes, which
    `probe_schedule` trains (None: the same as the models). `saving` writes models of the recipe; it
    is None where such models have no checkpoints (plug-ins). `origin` holds digests of what trained
    models depend on besides the audited one.
    """

    fresh: Fresh
    probe: Blank
    schedule: Schedule
    probe_schedule: Schedule | None = None
    saving: Saving | None = None
    origin: Mapping[str, str] = field(default_factory=dict)

    def load(self, path: Path) -> Trained:
        """A model that was written with `saving`; raises ModelError where it is none."""
        return (load_trained if self.saving is None else self.saving.read)(path)


class Retraining:
    """What it takes to train models like the audited one, `base`, on the same data.

    `splits` holds train, dev, and the audited split under its own name.
    """

    def __init__(
        self,
        base: AttentionModel,
        spec: ModelSpec,
        recipe: Trainable,
        splits: Mapping[str, Dataset],
        device: torch.device,
        budget: int = BATCH_TOKENS,
    ) -> None:
        self.base, self.spec, self.recipe = base, spec, recipe
        self.splits, self.device, self.budget = splits, device, budget
        self.fresh, self.probe, self.schedule = recipe.fresh, recipe.probe, recipe.schedule
        self.probe_schedule = (recipe.probe_schedule or recipe.schedule).without_repairs()
        self._said: dict[Hashable, Said] = {}
        self._batches: dict[tuple[str, bool], Batches] = {}
        self._kept: dict[tuple[str, Show], Kept] = {}
        self._learned: dict[int, dict[str, Tensor]] = {}

    def seeds(self, count: int, first: int = 0) -> list[int]:
        """`count` seeds from `first` on, without the audited model's own, which would repeat it."""
        others = (seed for seed in itertools.count(first) if seed != self.schedule.seed)
        return list(itertools.islice(others, count))

    def batches(self, split: str, pieces: bool = False) -> Batches:
        """A split in batches, which are made once for all models unless their texts are many."""
        if (split, pieces) not in self._batches:
            self._batches[split, pieces] = MadeOnce(
                self.splits[split].instances,
                self.spec.vocabulary,
                self.base.boundaries,
                self.device,
                self.budget,
                pieces,
            )
        return self._batches[split, pieces]

    def kept(self, split: str, show: Show = mean_of_heads) -> Kept:
        """What the audited model shows of its attention, and answers, on a split."""
        if (split, show) not in self._kept:
            self._kept[split, show] = self.keep(self.base, split, show)
        return self._kept[split, show]

    def said(self, split: str, about: Hashable, ask: Callable[[], Said]) -> Said:
        """What the audited model says of a batch, which `about` tells from others.

        It is asked once, unless the texts of the split are many.
        """
        if not is_small(self.splits[split].instances):
            return ask()
        if (split, about) not in self._said:
            self._said[split, about] = ask()
        return self._said[split, about]

    def ask(self, split: str, work: Callable[[], R]) -> R:
        """What `work` finds when it asks the audited model about a split, before any training."""
        return work()

    def keep(self, model: AttentionModel, split: str, show: Show = mean_of_heads) -> Kept:
        """The same of another model of the same vocabulary."""
        model.to(self.device)
        batches = self.batches(split)
        if model.boundaries != batches.boundaries:
            batches = replace(batches, boundaries=model.boundaries)
        return keep(model, batches, show)

    @cached_property
    def _data(self) -> TrainingData:
        learn, dev = self.splits["train"].instances, self.splits["dev"].instances
        return TrainingData(learn, dev, self.spec.vocabulary, len(self.spec.labels), self.device)

    def learn(
        self,
        model: AttentionModel,
        seed: int,
        observer: Observer,
        title: str,
        view: View = as_it_is,
        schedule: Schedule | None = None,
    ) -> Progress:
        """Train `model` in place on the labels, as the audited model was, with another seed."""
        schedule = (schedule or self.schedule).model_copy(update={"seed": seed})
        model.to(self.device)
        goal = _Viewed(Labels(model, self._data, schedule), view)
        return self.follow(model, schedule, observer, title, goal)

    def converge(
        self,
        model: AttentionModel,
        seed: int,
        observer: Observer,
        title: str,
        view: View = as_it_is,
    ) -> Convergence:
        """Train `model` in place on the labels until it stops improving, and say how that ended.

        With a constant learning rate the first epochs are those of `learn` with the same seed. See
        `convergence` for when a training stops. Raises DivergedError if a loss is not finite.
        """
        schedule = stretched(self.schedule).model_copy(update={"seed": seed})
        model.to(self.device)
        goal = UntilStopped(model, self._data, schedule)
        self.follow(model, schedule, observer, title, _Viewed(goal, view), goal.stopped)
        return goal.convergence()

    def learn_and_converge(
        self, seed: int, observer: Observer, title: str
    ) -> tuple[AttentionModel, AttentionModel, Convergence]:
        """What `learn` and `converge` make of fresh models of the same seed, by one training.

        That is for schedules with a constant learning rate. Raises DivergedError if a loss of
        either is not finite.
        """
        model, other = (self.fresh(seed).to(self.device) for _ in range(2))
        goal = Twofold(model, self._data, self.schedule.model_copy(update={"seed": seed}))
        self.follow(model, goal.longest, observer, title, goal, goal.stopped)
        model.load_state_dict(goal.by_recipe)
        other.load_state_dict(goal.until_stopped)
        return model, other.eval().requires_grad_(False), goal.convergence()

    def learn_permuted(
        self, model: AttentionModel, seed: int, observer: Observer, title: str
    ) -> Progress:
        """Train `model` in place as `learn` does, on labels that say nothing of the texts.

        The labels of train and of dev are those of the data, shuffled among the texts of the split
        by `seed`; each class keeps its number.
        """
        schedule = self.schedule.model_copy(update={"seed": seed})
        model.to(self.device)
        train, dev = (
            _with_labels_shuffled(instances, [seed, split])
            for split, instances in enumerate((self._data.train, self._data.dev))
        )
        data = replace(self._data, train=train, dev=dev)
        goal = Labels(model, data, schedule)
        return self.follow(model, schedule, observer, title, goal, data=data)

    def learned(self, seed: int, observer: Observer) -> dict[str, Tensor]:
        """The weights of a model of the recipe with another seed, which is trained once."""
        if seed not in self._learned:
            model = self.fresh(seed)
            self.learn(model, seed, observer, f"seed {seed}")
            self._learned[seed] = {k: w.detach().cpu() for k, w in model.state_dict().items()}
        return self._learned[seed]

    def imitate(
        self,
        model: AttentionModel,
        seed: int,
        strength: float,
        epochs: int,
        patience: int,
        observer: Observer,
        title: str,
        show: Show = mean_of_heads,
    ) -> Progress:
        """Train `model` in place to answer as the audited model does, and to attend otherwise.

        `strength` is lambda; attentions differ in what `show` shows of them. Raises DivergedError
        if the loss is no longer finite, InputError for a repair that does not fit the model.
        """
        changed = {"seed": seed, "epochs": epochs, "patience": patience}
        schedule = self.schedule.model_copy(update=changed)
        model.to(self.device)
        train, dev = self.kept("train", show), self.kept("dev", show)
        batches = list(self.batches("dev"))
        check_repairs(schedule, model, batches[0])
        goal = Imitation(strength, train, dev, batches, show, schedule)
        return self.follow(model, schedule, observer, title, goal)

    def deceive(
        self,
        model: AttentionModel,
        seed: int,
        strength: float,
        heads: Heads,
        least: float,
        marked: Mapping[str, Marked],
        observer: Observer,
        title: str,
        view: View = as_it_is,
    ) -> Progress:
        """Train `model` in place on the labels, with a penalty on attention to marked words.

        For as many epochs as the recipe has, whatever its patience. See `models.deception` for
        `strength`, `heads` and `least`; `marked` holds the words of train and of dev. Raises
        DivergedError if the loss is no longer finite.
        """
        schedule = self.schedule.model_copy(update={"seed": seed, "patience": None})
        model.to(self.device)
        goal = Deception(
            model, self._data, schedule, marked["train"], marked["dev"], strength, heads, least
        )
        return self.follow(model, schedule, observer, title, _Viewed(goal, view))

    def follow(
        self,
        model: AttentionModel,
        schedule: Schedule,
        observer: Observer,
        title: str,
        goal: Objective,
        stopped: Callable[[], bool] | None = None,
        data: TrainingData | None = None,
    ) -> Progress:
        """Train `model` in place towards a goal; every training goes through here.

        It ends early once it has `stopped`. `data` is what it learns from in place of the splits.
        """
        progress = train(
            model,
            data or self._data,
            schedule,
            observer,
            objective=goal,
            stopped=stopped,
            title=title,
        )
        model.eval().requires_grad_(False)
        return progress


def _with_labels_shuffled(instances: Sequence[Instance], seed: Sequence[int]) -> Instances:
    """The instances with each other's labels."""
    labels = np.array([instance.label for instance in instances])
    drawn = np.random.default_rng(seed).permutation(labels).tolist()
    return Instances(
        replace(instance, label=label) for instance, label in zip(instances, drawn, strict=True)
    )
