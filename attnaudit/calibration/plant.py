"""A plant: data and models whose attention is known, and what must be found on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch

from attnaudit.calibration import texts
from attnaudit.calibration.pointers import SIZE, Pointer, build
from attnaudit.calibration.saving import saving
from attnaudit.calibration.written import Written
from attnaudit.execution.observer import Silent
from attnaudit.findings.finding import FindingName
from attnaudit.models.blank import Blank, Fresh
from attnaudit.models.classic.classifier import Recipe
from attnaudit.models.interface import ModelSpec
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.schedule import Schedule

CPU = torch.device("cpu")
ATTEMPTS = 2  # 50 seeds apart: no model of two plants is the same
SIZES = {"train": 800, "dev": 200, "test": 400}
OF_RECIPE = Schedule(epochs=10, batch_size=80, learning_rate=0.05)

# What can be looked at in an audited model without training others: see `calibration.checks`.
CheckName = Literal[
    "shuffling moves answers",
    "zeroing moves answers",
    "unsupported listed",
    "supported not listed",
]
Name = FindingName | CheckName
Expected = Mapping[Name, str]  # a status, or "never " and a status; of a check: yes or no


@dataclass(frozen=True)
class Plant:
    """How texts are drawn, what learns from them, and what must be found.

    `truth` says in two words what its attention does, `story` how, and why the expected findings
    follow. `kind` is one of the planted models, or a recipe. `decides` are the findings that
    stand for a rule, and are judged on more seeds. `shares` are those of the classes. `trained` is
    false for a base model as it was initialised or written, `learnable` for a task that its models
    cannot learn, and `turning` says that the order of the classes changes with the seed.
    """

    truth: str
    story: str
    draw: texts.Draw
    kind: type[Pointer] | Recipe | Written
    expected: Expected
    decides: tuple[Name, ...] = ()
    schedule: Schedule = OF_RECIPE
    probe_schedule: Schedule | None = None
    labels: tuple[str, ...] = ("bad", "good")
    shares: tuple[float, ...] = (0.5, 0.5)
    noise: float = 0.0
    sizes: Mapping[str, int] = field(default_factory=dict)
    paired: bool = False
    trained: bool = True
    learnable: bool = True
    turning: bool = False

    def grow(self, seed: int) -> Retraining:
        """The data and the audited model of a seed, with what it takes to train others.

        A base model that has not learned its task is no plant: it is trained again, with another
        seed of its own. Raises RuntimeError where none has learned it.
        """
        for attempt in range(ATTEMPTS):
            retraining = self._grow(seed, 100 * seed + 50 * attempt)
            if self._took(retraining):
                return retraining
        raise RuntimeError(f"{self.truth}: no base model of seed {seed} learned the task")

    def _took(self, retraining: Retraining) -> bool:
        if not (self.trained and self.learnable):
            return True
        dev = retraining.splits["dev"].instances
        said = retraining.kept("dev").probs.argmax(1)
        right = sum(int(said[i.row]) == i.label for i in dev) / len(dev)
        return right >= 0.95 - 1.5 * self.noise

    def _grow(self, seed: int, own: int) -> Retraining:
        order = [(k + seed * self.turning) % len(self.labels) for k in range(len(self.labels))]
        labels = tuple(self.labels[k] for k in order)
        shares = tuple(self.shares[k] for k in order)

        def draw(random: texts.Random, label: int) -> texts.Text:
            return self.draw(random, order[label])

        sizes = {**SIZES, **self.sizes}
        splits = texts.splits(draw, labels, shares, sizes, seed, self.noise)
        spec = ModelSpec(texts.VOCABULARY, labels, self.paired)
        small = Recipe(embedding=SIZE, hidden=SIZE)
        blank = Blank(self.kind if isinstance(self.kind, Recipe) else small, spec)
        retraining = Retraining(
            (fresh := self._fresh(blank, spec))(own),
            spec,
            Trainable(
                fresh,
                blank.changed(encoder="average", attention="additive"),
                self.schedule.model_copy(update={"seed": own}),
                self.probe_schedule,
                saving(fresh, spec),
            ),
            splits,
            CPU,
        )
        if self.trained:
            retraining.learn(retraining.base, own, Silent(), "base")
        retraining.base.eval().requires_grad_(False)
        return retraining

    def _fresh(self, blank: Blank, spec: ModelSpec) -> Fresh:
        if isinstance(self.kind, Recipe):
            return blank
        if isinstance(self.kind, Written):
            return self.kind
        return partial(build, self.kind, spec)
