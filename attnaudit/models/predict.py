"""Passes over a data set: its batches, and what a model answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from attnaudit.data.aligned import Aligned
from attnaudit.data.batch import Batch, collate, within_budget
from attnaudit.data.collated import is_small
from attnaudit.data.instance import Instance
from attnaudit.data.store import query_counts, token_counts
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.budget import BATCH_TOKENS
from attnaudit.execution.collector import COLLECTOR
from attnaudit.execution.device import multiply_exactly
from attnaudit.execution.observer import Observer
from attnaudit.execution.once import Once
from attnaudit.models.arithmetic import in_float64
from attnaudit.models.interface import AttentionModel

R = TypeVar("R")


@dataclass
class Halving:
    """Work on batches; where memory runs out, on their halves, and on no larger batch again.

    `limit` is the most tokens that a batch may have since then; None: memory has lasted.
    """

    limit: int | None = None

    def results(
        self, work: Callable[[Batch], R], batches: Iterable[Batch], observer: Observer
    ) -> Iterator[R]:
        """`work` on each batch or on parts of it; the user hears once of memory that runs out.

        One instance that does not fit is the end: the error goes on.
        """
        COLLECTOR.begin()
        for whole in batches:
            waiting = [whole]
            while waiting:
                batch = waiting.pop()
                if self.limit is not None and batch.ids.numel() > self.limit and len(batch) > 1:
                    index = torch.arange(len(batch))
                    waiting += [batch.select(half) for half in reversed(index.chunk(2))]
                    continue
                try:
                    multiply_exactly(batch.ids.device)
                    result = work(batch)
                except torch.OutOfMemoryError:
                    if len(batch) == 1:
                        raise
                    if self.limit is None:
                        observer.say("out of memory: continuing with smaller batches")
                    self.limit = batch.ids.numel() // 2
                    waiting.append(batch)
                else:
                    yield result


@dataclass(frozen=True)
class Batches:
    """The instances as batches under a token budget, shortest texts first.

    Which instances share a batch depends on their lengths and the budget alone, never on who works
    on the batches; what is shared out are parts, one batch each. Parts share `memory`. `given`
    holds scores of the words that other tools made, by the name of the importance. `once` keeps
    what one question has found about a batch for the others that look at it, too; nothing else
    should have one, because what it keeps takes memory.
    """

    instances: Sequence[Instance]
    vocabulary: Vocabulary
    boundaries: bool
    device: torch.device
    budget: int = BATCH_TOKENS
    pieces: bool = False
    memory: Halving = field(default_factory=Halving, compare=False)
    given: Mapping[str, Aligned] = field(default_factory=dict, compare=False)
    once: Once | None = field(default=None, compare=False)

    @cached_property
    def groups(self) -> list[NDArray[np.int64]]:
        """The positions in `instances` of each batch."""
        lengths, asked = self.vocabulary.lengths(
            token_counts(self.instances), query_counts(self.instances), self.boundaries
        )
        return list(within_budget(lengths, asked, self.budget))

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[Batch]:
        return (self._batch([self.instances[i] for i in group]) for group in self.groups)

    def part(self, number: int) -> Batches:
        """The batch of that number by itself: of the same budget, which makes one group of it."""
        return replace(self, instances=[self.instances[i] for i in self.groups[number].tolist()])

    def _batch(self, instances: Sequence[Instance]) -> Batch:
        return collate(
            instances, self.vocabulary, boundaries=self.boundaries, pieces=self.pieces
        ).to(self.device)


class MadeOnce(Batches):
    """The same, for many passes: each batch is made once, unless the texts are many."""

    @override
    def __iter__(self) -> Iterator[Batch]:
        return iter(self._made) if is_small(self.instances) else super().__iter__()

    @cached_property
    def _made(self) -> list[Batch]:
        return list(super().__iter__())


@torch.no_grad()
def predict(model: AttentionModel, batches: Batches | Sequence[Batch]) -> NDArray[np.float64]:
    """Class probabilities (instances, classes), in the order of the rows."""
    model.eval()
    rows, probs = [], []
    for batch in batches:
        multiply_exactly(batch.ids.device)
        # A GPU goes from one batch to the next: nothing is asked of it in between.
        rows.append(batch.host.rows)
        probs.append(in_float64(model(batch)).softmax(-1))
    order = torch.cat(rows).argsort()
    answered: NDArray[np.float64] = torch.cat(probs).cpu()[order].numpy()
    return answered
