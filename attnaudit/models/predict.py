"""Passes over a data set: its batches, and what a model answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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

BATCH_TOKENS = 4096  # padded tokens a batch; larger ones leave the caches of a CPU
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
        sizes = [
            self.vocabulary.lengths(
                len(i.tokens), None if i.query is None else len(i.query), self.boundaries
            )
            for i in self.instances
        ]
        lengths, queries = zip(*sizes, strict=True) if sizes else ((), ())
        for group in within_budget(lengths, queries, self.budget):
            yield collate(
                [self.instances[i] for i in group],
                self.vocabulary,
                boundaries=self.boundaries,
                pieces=self.pieces,
            ).to(self.device)


def halving(
    work: Callable[[Batch], R], batches: Iterable[Batch], observer: Observer
) -> Iterator[R]:
    """`work` on each batch; where memory runs out, on its halves, and on no larger batch again.

    The user hears of it once. One instance that does not fit is the end: the error goes on.
    """
    limit: int | None = None  # tokens, once memory has run out
    for whole in batches:
        waiting = [whole]
        while waiting:
            batch = waiting.pop()
            if limit is not None and batch.ids.numel() > limit and len(batch) > 1:
                index = torch.arange(len(batch), device=batch.ids.device)
                waiting += [batch.select(half) for half in reversed(index.chunk(2))]
                continue
            try:
                result = work(batch)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                if limit is None:
                    observer.say("out of memory: going on with smaller batches")
                limit = batch.ids.numel() // 2
                waiting.append(batch)
            else:
                yield result


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
