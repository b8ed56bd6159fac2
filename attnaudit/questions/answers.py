"""What the records and summaries of every audit share.

Every record holds `row` (its place in the data set) and `id`; `group` where the data names one;
`gold` and `predicted` (class numbers), `probs` (the model's answer); `words`, their number; and
`outside`, the attention that lies outside the content. They feed `model.*`, the strata by
predicted class, and resampling by group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.data.dataset import Instance
from attnaudit.execution.observer import Observer
from attnaudit.importance.importance import Request
from attnaudit.models.interface import AttentionModel, Encoded
from attnaudit.models.predict import Batches
from attnaudit.questions.maker import Record
from attnaudit.readings.heads import MEAN
from attnaudit.readings.reading import Reading
from attnaudit.records.rounding import compact


@dataclass(frozen=True)
class Answered:
    """A batch with what the model attends to and answers; nothing of it carries a graph.

    `alpha` (B, H, T); `probs` (B, C). `shown` (B, T): the one number a position that the reading
    makes of its heads; `on_words` (B, W) the same for each word, renormalised
    over the content; `inside` (B,) the mass on the content before that.
    """

    batch: Batch
    instances: Sequence[Instance]
    encoded: Encoded
    alpha: Tensor
    probs: Tensor
    shown: Tensor
    on_words: Tensor
    inside: Tensor

    def request(
        self, model: AttentionModel, target: Tensor, asked: Sequence[str], seed: int, budget: int
    ) -> Request:
        """The importances `asked` for, of class `target` (B,): what `compute.importances` takes."""
        ids = [i.id for i in self.instances]
        return Request(
            model, self.batch, self.on_words, self.probs, target, ids, seed, budget, asked
        )

    def record(self, b: int) -> Record:
        """What every record of instance `b` begins with."""
        instance = self.instances[b]
        made: Record = {"row": instance.row, "id": instance.id}
        if instance.group is not None:
            made["group"] = instance.group
        return made | {
            "gold": instance.label,
            "predicted": int(self.probs[b].argmax()),
            "probs": compact(self.probs[b].float().cpu().numpy()),
            "words": int(self.batch.word_counts[b]),
            "outside": compact([max(0.0, 1 - float(self.inside[b]))])[0],
        }


@torch.no_grad()
def answer(
    model: AttentionModel, batch: Batch, by_row: Mapping[int, Instance], reading: Reading = MEAN
) -> Answered:
    """Run the model once on `batch`; `by_row` finds the instances of its rows."""
    encoded = model.encode(batch)
    alpha = model.attend(encoded)  # (B, H, T)
    probs = model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)
    shown = reading.compute(alpha)
    on_words = batch.per_word(shown)  # (B, W)
    whole = on_words.sum(1)
    # Maxima add up to more than a mass: what lies outside is then that of the mean.
    inside = whole if reading.parts else batch.per_word(MEAN.compute(alpha)).sum(1)
    on_words = on_words / whole.clamp_min(torch.finfo(whole.dtype).tiny).unsqueeze(1)
    instances = [by_row[row] for row in batch.rows.tolist()]
    return Answered(batch, instances, encoded, alpha, probs, shown, on_words, inside)


def words_of(known: Answered, b: int) -> list[str]:
    """The units of instance `b` that are explained: words as the text has them, or pieces."""
    instance = known.instances[b]
    count = int(known.batch.word_counts[b])
    return instance.units(pieces=count != instance.words[-1] + 1)


def each_batch(
    model: AttentionModel,
    batches: Batches,
    make: Callable[[Answered], list[Record]],
    observer: Observer,
    reading: Reading = MEAN,
) -> Iterator[list[Record]]:
    """The records that `make` gives for each batch in turn."""
    by_row = {i.row: i for i in batches.instances}
    return batches.memory.results(
        lambda batch: make(answer(model, batch, by_row, reading)), batches, observer
    )
