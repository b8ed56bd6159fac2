"""How long trainings take, from one short epoch of each kind on a few texts.

A `Trial` is a `Retraining` that an audit is given in place of the real one. It has a few texts of
each split, trains whatever it is asked to for one epoch, and keeps time; the audit's own code does
the rest. What is trained so is thrown away, and the audited model is only read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.data.instance import Instance
from attnaudit.execution.observer import Observer, Silent, Task
from attnaudit.models.guided import Kept, Show, mean_of_heads
from attnaudit.models.interface import AttentionModel
from attnaudit.models.lengths import padded_tokens, tokens_of
from attnaudit.models.retraining import Retraining, Said
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import Objective, Progress, TrainingData
from attnaudit.questions.maker import Record

STEPS = (3, 12)  # of a trial's epoch
ANSWERED = (16, 400)  # texts of each other split
SECONDS = 2.0  # that a trial takes, about, where the least is not longer
Lengths = NDArray[np.int64]
R = TypeVar("R")


class Timed(NamedTuple):
    """What a run took in a trial, and the figures it makes of the whole run, in seconds.

    `fixed`, whatever is done once; `epoch`, each; `records`, those of all splits. `schedule` is
    what the training would follow, None where nothing was trained; `stops` says that it may end
    after any epoch. `kept` says for each time that attention was kept, of which model's the run
    made use, on which split, and what that takes; and so for what the audited model answered there.
    """

    fixed: float
    epoch: float
    records: float
    schedule: Schedule | None
    stops: bool
    kept: list[tuple[str, float]]
    made: list[Record]


class Trial(Retraining):
    """A few texts of each split of `real`; what a run takes with them, and with all."""

    def __init__(self, real: Retraining) -> None:
        super().__init__(real.base, real.spec, real.recipe, real.splits, real.device, real.budget)
        self._real, self._clock = real, _Clock()
        self._lengths = tokens_of(real.batches("train"))
        self._followed: list[tuple[Schedule, bool]] = []
        self._tokens: list[int] = []
        self._kept_in: list[tuple[str, float]] = []
        # Seconds that the audited model took to answer, by split.
        self._asked = defaultdict[str, float](float)
        # So many texts that it takes seconds, whatever the model.
        self.splits = {
            name: replace(s, instances=_few(s.instances, ANSWERED[0]))
            for name, s in real.splits.items()
        }
        self.keep(self.base, "train")  # the first call prepares, whatever it does
        self._kept_in.clear()
        self.keep(self.base, "train")
        each = self._kept_in.pop()[1] / len(self.splits["train"].instances)
        size = real.schedule.batch_size
        steps = _within(SECONDS / (4 * each * size), STEPS)
        answered = _within(SECONDS / (6 * each), ANSWERED)
        self.splits = {
            name: replace(
                split,
                instances=_numbered(
                    _chunks(split.instances, self._lengths, size, steps)
                    if name == "train"
                    else _few(split.instances, answered)
                ),
            )
            for name, split in real.splits.items()
        }
        self._batches.clear()  # those of other texts

    def time(self, records: Callable[[Observer], list[Record]], splits: Sequence[str]) -> Timed:
        """What a run takes whose `records` on `splits` are made of this trial."""
        clock, self._followed, self._tokens, self._kept_in = self._clock, [], [], []
        self._asked.clear()
        begun = clock.now()
        made = records(clock)
        after = clock.now() - (clock.ended if self._followed else begun)
        once = [*self._kept_in, *self._asked.items()]
        kept = [(split, s * self._more(split)) for split, s in once]
        answers = after * self._more(*splits)
        if not self._followed:
            return Timed(0.0, 0.0, answers, None, False, kept, made)
        scored = (clock.ended - clock.steps[-1]) * self._more("dev")
        ((schedule, stops),) = self._followed
        epoch = self._epoch(np.diff([clock.began, *clock.steps]), schedule) + scored
        return Timed(clock.began - begun, epoch, answers, schedule, stops, kept, made)

    def _more(self, *splits: str) -> float:
        """How much more there is to do on these splits than in the trial."""
        ours, real = (
            sum(padded_tokens(r.batches(split)) for split in splits) for r in (self, self._real)
        )
        return real / ours

    def _epoch(self, seconds: NDArray[np.float64], schedule: Schedule) -> float:
        """Seconds of all steps of an epoch; the first of a trial prepares the others."""
        order = np.sort(self._lengths)
        chunks = np.array_split(order, -(-len(order) // schedule.batch_size))
        sizes = np.array([len(c) * c[-1] for c in chunks], float)
        tokens, took = np.array(self._tokens[1:], float), seconds[1:]
        if not len(took):
            return float(seconds[0]) * len(chunks)
        slope, fixed = np.polyfit(tokens, took, 1) if np.ptp(tokens) > 0 else (0.0, took.mean())
        if slope < 0:
            slope, fixed = 0.0, took.mean()
        elif fixed < 0:
            slope, fixed = took.sum() / tokens.sum(), 0.0
        return float((fixed + slope * sizes).sum())

    @override
    def keep(self, model: AttentionModel, split: str, show: Show = mean_of_heads) -> Kept:
        begun = perf_counter()
        kept = super().keep(model, split, show)
        took = perf_counter() - begun
        self._clock.paused += took
        self._kept_in.append((split, took))
        return kept

    @override
    def ask(self, split: str, work: Callable[[], R]) -> R:
        begun = perf_counter()
        found = super().ask(split, work)
        took = perf_counter() - begun
        self._clock.paused += took
        self._kept_in.append((split, took))
        return found

    @override
    def said(self, split: str, about: Hashable, ask: Callable[[], Said]) -> Said:
        def timed() -> Said:
            begun = perf_counter()
            found = ask()
            took = perf_counter() - begun
            self._clock.paused += took
            self._asked[split] += took
            return found

        return super().said(split, about, timed)

    @override
    def learned(self, seed: int, observer: Observer) -> dict[str, Tensor]:
        """Untrained weights, which take as long to go on from; what they take is asked apart."""
        return self.fresh(seed).state_dict()

    @override
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
        self._followed.append((schedule, stopped is not None))
        once = schedule.model_copy(update={"epochs": 1})
        weighed = _Weighed(goal, self._tokens, goal.name)
        return super().follow(model, once, self._clock, title, weighed, stopped, data)


class _Clock(Silent):
    """When a training began, made its steps and ended, less what is `paused` meanwhile."""

    def __init__(self) -> None:
        self.paused = self.began = self.ended = 0.0
        self.steps: list[float] = []

    def now(self) -> float:
        return perf_counter() - self.paused

    @contextmanager
    @override
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Task]:
        self.began, self.steps = self.now(), []
        yield self
        self.ended = self.now()

    @override
    def advance(self, steps: int = 1, info: str = "") -> None:
        self.steps += [self.now()] * steps


@dataclass
class _Weighed:
    """An objective that notes the padded tokens of each step."""

    inner: Objective
    tokens: list[int]
    name: str

    def losses(self, model: AttentionModel, batch: Batch) -> Tensor:
        asked = 0 if batch.query_ids is None else batch.query_ids.numel()
        self.tokens.append(batch.ids.numel() + asked)
        return self.inner.losses(model, batch)

    def score(self, model: AttentionModel) -> float:
        return self.inner.score(model)


def _within(value: float, bounds: tuple[int, int]) -> int:
    return int(min(max(value, bounds[0]), bounds[1]))


def _few(instances: Sequence[Instance], count: int) -> list[Instance]:
    """So many instances, or all: from the shortest to the longest, and of every class."""
    order = np.argsort([len(i.tokens) for i in instances], kind="stable")
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return _of_every_class([instances[i] for i in order[places].tolist()], instances)


def _chunks(
    instances: Sequence[Instance], lengths: Lengths, size: int, count: int
) -> list[Instance]:
    """Some of the batches that instances in the order of their lengths make, each `size` of them.

    They are the middles of `count` equal parts of all batches.
    """
    order = np.argsort(lengths, kind="stable")
    chunks = np.array_split(order, -(-len(order) // size))
    middles = (np.arange(count) + 0.5) * len(chunks) / count
    chosen = np.concatenate([chunks[k] for k in np.unique(middles.astype(int))])
    return _of_every_class([instances[i] for i in chosen.tolist()], instances)


def _of_every_class(some: list[Instance], all_: Sequence[Instance]) -> list[Instance]:
    """With one instance more of each class that they lack."""
    lacking = {i.label: i for i in all_}
    for instance in some:
        lacking.pop(instance.label, None)
    return [*some, *lacking.values()]


def _numbered(instances: Sequence[Instance]) -> list[Instance]:
    """With rows from 0 on, by which what a model attends to is kept."""
    return [replace(instance, row=row) for row, instance in enumerate(instances)]
