"""Passes over a data set: its batches, and what a model answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.data.batch import Batch, collate, within_budget
from attnaudit.data.dataset import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Observer
from attnaudit.models.interface import AttentionModel

BATCH_TOKENS = 16_384  # padded tokens a batch; large enough to keep two cores busy
R = TypeVar("R")


@dataclass(frozen=True)
class Batches:
    """The instances as batches under a token budget, shortest texts first."""

    instances: Sequence[Instance]
    vocabulary: Vocabulary
    boundaries: bool
    device: torch.device
    budget: int = BATCH_TOKENS
    pieces: bool = False

    def __iter__(self) -> Iterator[Batch]:
        lengths = [len(i.tokens) + 2 * self.boundaries for i in self.instances]
        for group in within_budget(lengths, self.budget):
            yield collate(
                [self.instances[i] for i in group],
                self.vocabulary,
                boundaries=self.boundaries,
                pieces=self.pieces,
            ).to(self.device)


def halving(work: Callable[[Batch], R], batch: Batch, observer: Observer) -> Iterator[R]:
    """`work(batch)`, or where memory runs out, the same on its two halves.

    The user hears of it. A batch of one instance that does not fit is the end: the error goes on.
    """
    try:
        yield work(batch)
    except torch.OutOfMemoryError:
        if len(batch) == 1:
            raise
    else:
        return
    observer.say(f"out of memory with {len(batch)} texts at once: going on with half as many")
    index = torch.arange(len(batch), device=batch.ids.device)
    for half in index.chunk(2):
        yield from halving(work, batch.select(half), observer)


@torch.no_grad()
def predict(model: AttentionModel, batches: Batches | Sequence[Batch]) -> NDArray[np.float64]:
    """Class probabilities (instances, classes), in the order of the rows."""
    model.eval()
    rows, probs = [], []
    for batch in batches:
        rows.append(batch.rows.cpu())
        probs.append(model(batch).double().softmax(-1).cpu())
    order = torch.cat(rows).argsort()
    answered: NDArray[np.float64] = torch.cat(probs)[order].numpy()
    return answered
