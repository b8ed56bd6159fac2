"""What the records and summaries of every audit share.

Every record holds `row` (its place in the data set) and `id`; `group` where the data names one;
`gold` and `predicted` (class numbers), `probs` (the model's answer); `words`, their number; and
`outside`, the attention that lies outside the content. They feed `model.*`, the strata by
predicted class, and resampling by group.

Words that no weight can reach from the audited row, before a sliding window or behind the row, are
no content: `words` leaves them out, and `unreachable` counts them where there are any; `reach` then
holds the numbers of the first reachable word and of the one behind the last. `first_word`, the
share of the attention on the first word, stands in records of decoders that have nothing before it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.aligned import Aligned
from attnaudit.data.batch import Batch
from attnaudit.data.instance import Instance
from attnaudit.data.transfer import sent
from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.execution.once import Once
from attnaudit.importance.importance import Known, Request
from attnaudit.models.interface import AttentionModel, Encoded
from attnaudit.models.predict import Batches
from attnaudit.questions.maker import Record
from attnaudit.readings.heads import MEAN
from attnaudit.readings.reading import Reading
from attnaudit.readings.seen import Seen
from attnaudit.records.rounding import compact, compact_rows


class _Told(NamedTuple):
    """What records say of each instance of a batch, as plain numbers."""

    predicted: list[int]
    probs: list[list[float | None]]
    outside: list[float | None]
    words: list[int]
    all_words: list[int]


@dataclass(frozen=True)
class Answered:
    """A batch with what the model attends to and answers; nothing of it carries a graph.

    `batch` holds as content the words that the audited row can reach, `whole` all of them.
    `alpha` (B, H, T), or (B, H, Q, T); `probs` (B, C). `shown` (B, T): the one number a position
    that the reading makes of its heads and rows, in magnitude; `on_words` (B, W) the same for each
    word, renormalised over the content; `inside` (B,) the attention on the content before that.
    `signs` (B, W) say of each word whether it speaks for the explained class; None for readings
    that do not say it. `given`: scores of words that other tools made, by the name of the
    importance. `undefined`: why texts have no such reading, by their place; there `shown` and
    `on_words` are NaN. `weighed`: the importances that were computed of its words.
    """

    batch: Batch
    instances: Sequence[Instance]
    encoded: Encoded
    alpha: Tensor
    probs: Tensor
    shown: Tensor
    on_words: Tensor
    inside: Tensor
    whole: Batch
    bare: bool = False
    signs: Tensor | None = None
    given: Mapping[str, Aligned] = field(default_factory=dict)
    undefined: Mapping[int, str] = field(default_factory=dict)
    weighed: dict[Hashable, Known] = field(default_factory=dict, repr=False)

    def request(
        self, model: AttentionModel, target: Tensor, asked: Sequence[str], seed: int, budget: int
    ) -> Request:
        """The importances `asked` for, of class `target` (B,): what `compute.importances` takes.

        None is computed again that was asked for before, of the same classes and seed.
        """
        ids = [i.id for i in self.instances]
        own = [name for name in asked if name not in self.given]
        given = {name: self._given(self.given[name]) for name in asked if name in self.given}
        known = self.weighed.setdefault((tuple(target.tolist()), seed, budget), {})
        return Request(
            *(model, self.batch, self.on_words, self.probs, target, ids, seed, budget, own),
            given=given,
            known=known,
        )

    def _given(self, scores: Aligned) -> Tensor:
        """(B, W) the scores of the words that the audited row can reach; NaN where there are none.

        They are 0 beyond an instance's last word.
        """
        found = torch.zeros(self.on_words.shape, dtype=self.on_words.dtype)
        for b, instance in enumerate(self.instances):
            n, whole = self._told.words[b], scores.of(instance.row)
            start, _ = self._reach(b).get("reach", (0, n))
            part = np.full(n, np.nan) if whole is None else whole[start : start + n]
            found[b, :n] = torch.from_numpy(np.array(part))
        return sent(found, self.on_words.device)

    def record(self, b: int) -> Record:
        """What every record of instance `b` begins with."""
        instance = self.instances[b]
        made: Record = {"row": instance.row, "id": instance.id}
        if instance.group is not None:
            made["group"] = instance.group
        return made | {
            "gold": instance.label,
            "predicted": self._told.predicted[b],
            "probs": self._told.probs[b],
            "words": self._told.words[b],
            "outside": self._told.outside[b],
            **self._reach(b),
        }

    @cached_property
    def _told(self) -> _Told:
        inside = self.inside.tolist()
        return _Told(
            self.probs.argmax(1).tolist(),
            compact_rows(self.probs.float().cpu().numpy()),
            compact([max(0.0, 1 - mass) for mass in inside]),
            self.batch.host.word_counts.tolist(),
            self.whole.host.word_counts.tolist(),
        )

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """`on_words` (B, W), on the host."""
        found: NDArray[np.float32] = self.on_words.float().cpu().numpy()
        return found

    @cached_property
    def written_weights(self) -> list[list[float | None]]:
        """`weights` as records hold them: of each instance, as many as it has words."""
        return compact_rows(self.weights, self._told.words)

    @cached_property
    def _signs(self) -> list[list[int]] | None:
        return None if self.signs is None else self.signs.int().tolist()

    def shown_record(self, b: int) -> Record:
        """What a record of instance `b` holds of its attention: one weight a word, and signs.

        Of a text that the reading is undefined for, null for each word, and why.
        """
        n = self._told.words[b]
        made: Record = {"attention": self.written_weights[b]}
        if b in self.undefined:
            made["no_reading"] = self.undefined[b]
        elif self._signs is not None:
            made["attention_signs"] = self._signs[b][:n]
        return made

    def reached(self, b: int) -> Tensor:
        """Which content tokens of instance `b` are of a word that the audited row can reach."""
        return self.batch.host.content[b][self.whole.host.content[b]]

    def _reach(self, b: int) -> Record:
        """What a record says of reach, and of the first word where nothing stands before it."""
        made: Record = {}
        count, total = self._told.words[b], self._told.all_words[b]
        if count < total:
            first = int(self.whole.host.words[b][self.batch.host.content[b]].min())
            made = {"unreachable": total - count, "reach": [first, first + count]}
        if self.bare and b not in self.undefined:
            there = count == total or made["reach"][0] == 0
            made["first_word"] = compact([self._first[b] if there else 0.0])[0]
        return made

    @cached_property
    def _first(self) -> list[float]:
        """The attention on the first word of each text."""
        first: list[float] = (self.on_words[:, 0] * self.inside).tolist()
        return first


@torch.no_grad()
def answer(
    model: AttentionModel,
    batch: Batch,
    by_row: Mapping[int, Instance],
    reading: Reading = MEAN,
    gold: bool = False,
    once: Once | None = None,
) -> Answered:
    """Run the model once on `batch`; `by_row` finds the instances of its rows.

    With `once`, the model is not run where it was for another reading of the same batch.

    A reading that explains one class explains the predicted one, or the `gold` one. A text that a
    reading of more than weights is undefined for has none, and goes on without it.

    Raises InputError for a text that has no word to show, or no attention that is finite.
    """
    encoded, alpha, probs = (once or Once())(
        ("run", *batch.host.rows.tolist()), lambda: _run(model, batch)
    )
    whole, batch = batch, batch.within(encoded.content)
    instances = [by_row[row] for row in batch.host.rows.tolist()]
    for instance, count in zip(instances, batch.host.word_counts.tolist(), strict=True):
        if not count:
            raise InputError(
                f"the text {instance.id!r} has no word that the audited row can attend to, so "
                "there is nothing to explain",
                hint="leave this text out of the data",
            )
    target = batch.labels if gold else probs.argmax(1)
    shown = reading.compute(Seen(model, whole, encoded, alpha, target))
    undefined = reading.undefined(shown, batch)
    _check_attention(undefined, instances, reading)
    missing = sent(torch.tensor([b in undefined for b in range(len(batch))]), shown.device)
    on_words = batch.per_word(shown.nan_to_num())  # (B, W)
    shown, on_words = (x.masked_fill(missing.unsqueeze(1), torch.nan) for x in (shown, on_words))
    signs = None
    if reading.signed:
        signs = on_words.sign() if reading.directed else None
        shown, on_words = shown.abs(), on_words.abs()
    mass = on_words.sum(1)
    # Other readings add up to no mass: what lies outside is then that of the mean.
    inside = mass if reading.parts else batch.per_word(MEAN.weigh(alpha)).sum(1)
    on_words = on_words / mass.clamp_min(torch.finfo(mass.dtype).tiny).unsqueeze(1)
    bare = bool(getattr(model, "bare", False))
    return Answered(
        batch,
        instances,
        encoded,
        alpha,
        probs,
        shown,
        on_words,
        inside,
        whole,
        bare,
        signs,
        undefined=undefined,
    )


def _run(model: AttentionModel, batch: Batch) -> tuple[Encoded, Tensor, Tensor]:
    encoded = model.encode(batch)
    alpha = model.attend(encoded)  # (B, H, T), or (B, H, Q, T)
    return encoded, alpha, model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)


def _check_attention(
    undefined: Mapping[int, str], instances: Sequence[Instance], reading: Reading
) -> None:
    """Raise InputError where attention weights themselves are not finite."""
    if undefined and reading.of_weights is not None:
        b, why = next(iter(undefined.items()))
        raise InputError(
            f"the text {instances[b].id!r} has no reading {reading.name}: its attention has {why}",
            hint="the model gives a meaningless answer to this text; try --dtype float32",
        )


def words_of(known: Answered, b: int) -> list[str]:
    """The units of instance `b` that are explained: words as the text has them, or pieces."""
    instance = known.instances[b]
    count = int(known.whole.host.word_counts[b])
    units = instance.units(pieces=count != instance.words[-1] + 1)
    return reachable(units, known._reach(b))


def reachable(units: list[str], record: Mapping[str, Any]) -> list[str]:
    """Of the `units` of a text those that a record of it explains."""
    start, stop = record.get("reach", (0, len(units)))
    return units[start:stop]


def each_batch(
    model: AttentionModel,
    batches: Batches,
    make: Callable[[Answered], list[Record]],
    observer: Observer,
    reading: Reading = MEAN,
    gold: bool = False,
) -> Iterator[list[Record]]:
    """The records that `make` gives for each batch in turn; see `answer` for the rest.

    What was answered to another question about the same batch is not answered again.
    """
    by_row = {i.row: i for i in batches.instances}

    def made(batch: Batch) -> list[Record]:
        once = batches.once or Once()
        try:
            known = once(
                ("answered", reading.name, gold, *batch.host.rows.tolist()),
                lambda: answer(model, batch, by_row, reading, gold, once),
            )
            return make(replace(known, given=batches.given) if batches.given else known)
        except torch.OutOfMemoryError:
            once.forget()  # halves of the batch are next
            raise

    return batches.memory.results(made, batches, observer)
