"""What the plans of all commands share: who shares the work, how long trainings last, the peaks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from attnaudit.data.dataset import Dataset
from attnaudit.execution.machine import cores
from attnaudit.execution.memory import device_peak_bytes, peak_bytes
from attnaudit.models.passes import Passes, answering, learning
from attnaudit.models.schedule import Schedule
from attnaudit.running.job import Job
from attnaudit.running.planning.extrapolate import SURPRISE
from attnaudit.running.planning.plan import Part, Span, Trainings, WorkPlan, total
from attnaudit.running.planning.trial import Timed

START = 4.0  # seconds that a worker process takes to begin, before it loads anything
RECORD_BYTES = 200  # that a record takes in memory, at most


def around(likely: float) -> Span:
    """A span about so many seconds, which differ only by how busy the machine is."""
    return Span(low=likely / SURPRISE, likely=likely, high=likely * SURPRISE)


@dataclass
class Memory:
    """The largest peaks met so far, in bytes; None where they are not known."""

    device: torch.device
    peak: int | None = None
    on_device: int | None = None

    def note(self, peak: int | None, on_device: int | None) -> None:
        """Take peaks in."""
        self.peak = max((p for p in (self.peak, peak) if p is not None), default=None)
        self.on_device = max(
            (p for p in (self.on_device, on_device) if p is not None), default=None
        )

    def look(self) -> None:
        """Take in what was reached since the last `forget_peak`."""
        self.note(peak_bytes(), device_peak_bytes(self.device))


@dataclass(frozen=True)
class Shared:
    """By how many the work is shared: `size` processes, of which `at_once` have a core each."""

    size: int
    at_once: int

    @classmethod
    def of(cls, job: Job, size: int) -> Shared:
        """The `size` workers of a job; those of a cluster have machines of their own."""
        room = max(1, cores() // job.threads_each)
        return cls(size, size if job.cluster is not None else min(size, room))

    def spread(self, span: Span, units: int, loading: float) -> Span:
        """What work of so many equal units takes that one process does in `span`."""
        if self.size == 1 or units == 0:
            return span
        in_turn = math.ceil(units / min(self.at_once, units))  # the last turn leaves some idle
        return span.times(in_turn / units) + around(START + loading)


def sizes_of(splits: Mapping[str, Dataset]) -> dict[str, int]:
    """The number of texts of each split."""
    return {name: len(split.instances) for name, split in splits.items()}


def trainings_of(
    kind: str, count: int, schedule: Schedule, texts: int, stops: bool = False
) -> Trainings:
    """So many trainings on so many texts; those that `stops` is said of may end after any epoch."""
    most = schedule.epochs
    least = most if schedule.patience is None else min(most, 1 + schedule.patience)
    least = 1 if stops else least
    steps = math.ceil(texts / schedule.batch_size)
    return Trainings(kind=kind, count=count, epochs_least=least, epochs_most=most, steps=steps)


def passes_of_training(training: Trainings, schedule: Schedule, sizes: Mapping[str, int]) -> Passes:
    """All epochs of one training, and the scores on dev after each.

    Where the schedule hides words, the texts with hidden words are a second pass.
    """
    again = sizes["train"] if schedule.masked_words else 0
    epoch = learning(sizes["train"]) + answering(sizes["dev"] + again)
    exact = training.epochs_least == training.epochs_most
    return epoch.times(training.epochs_most) + Passes(exact=exact)


def span_of_training(found: Timed, training: Trainings) -> Span:
    """Seconds of one training and of the records or scores after it."""
    least, most = training.epochs_least, training.epochs_most
    fixed = found.fixed + found.records
    return Span(
        low=(fixed + least * found.epoch) / SURPRISE,
        likely=fixed + (least + most) / 2 * found.epoch,
        high=(fixed + most * found.epoch) * SURPRISE,
    )


def notes_on_trainings(trainings: Sequence[Trainings]) -> list[str]:
    """What a reader must know of their number of epochs."""
    if all(t.epochs_least == t.epochs_most for t in trainings):
        return []
    return [
        "A training stops when dev no longer improves. The range is from the fewest possible "
        "epochs to the most."
    ]


def whole(
    command: str,
    job: Job,
    device: torch.device,
    parts: Sequence[Part],
    loading: float,
    memory: Memory,
    workers: int,
    check: Part | None = None,
) -> WorkPlan:
    """The plan of some parts, one after the other, and of the check on the data before them."""
    every = [*([] if check is None else [check]), *parts]
    rows = max((part.instances for part in parts), default=0)
    return WorkPlan(
        command=command,
        model=job.model or None,
        dataset=str(job.data),
        device=device.type,
        threads=job.threads_each,
        workers=workers,
        check=check,
        parts=tuple(parts),
        loading=around(loading),
        seconds=total([around(loading), *(part.seconds for part in every)]),
        memory_bytes=None if memory.peak is None else memory.peak + rows * RECORD_BYTES,
        device_memory_bytes=memory.on_device,
    )
