"""What the records and summaries of every audit share.

Every record holds `row` (its place in the data set) and `id`; `group` where the data names one;
`gold` and `predicted` (class numbers), `probs` (the model's answer); `words`, their number; and
`outside`, the attention that lies outside the content. They feed `model.*`, the strata by
predicted class, and resampling by group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.audits.audit import Record
from attnaudit.data.batch import Batch
from attnaudit.data.dataset import Instance
from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.measures.columns import Column, Frame, Names, Texts, joined
from attnaudit.measures.counted import auroc_of_counts, f1_of_counts
from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.scores import majority_accuracy
from attnaudit.measures.summary import Columns, Estimate
from attnaudit.models.interface import AttentionModel, Encoded
from attnaudit.models.predict import Batches
from attnaudit.records.rounding import compact

# How the weights of several heads become the one number that is shown and ranked; interventions
# act on all heads. pydantic reads the annotation, and `|` of types needs Python 3.10 there.
Heads = Union[Literal["mean", "max"], Annotated[int, pydantic.Field(ge=0)]]  # noqa: UP007


@dataclass(frozen=True)
class Answered:
    """A batch with what the model attends to and answers; nothing of it carries a graph.

    `alpha` (B, H, T); `probs` (B, C). `shown` (B, T): its heads as the one number a position that
    is shown and ranked, see `over_heads`; `on_words` (B, W) the same for each word, renormalised
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


def over_heads(alpha: Tensor, heads: Heads) -> Tensor:
    """Attention (B, H, T) as one number a position, (B, T): what a heatmap shows of it.

    The mean of the heads, their maximum, or the head of that number, from 0. Raises InputError for
    a head that the model does not have.
    """
    if heads == "mean":
        return alpha.mean(1)
    if heads == "max":
        return alpha.amax(1)
    if heads >= alpha.shape[1]:
        there = "one head, 0" if alpha.shape[1] == 1 else f"heads 0 to {alpha.shape[1] - 1}"
        raise InputError(f"the audited attention has no head {heads}", hint=f"it has {there}")
    return alpha[:, heads]


@torch.no_grad()
def answer(
    model: AttentionModel, batch: Batch, by_row: Mapping[int, Instance], heads: Heads = "mean"
) -> Answered:
    """Run the model once on `batch`; `by_row` finds the instances of its rows."""
    encoded = model.encode(batch)
    alpha = model.attend(encoded)  # (B, H, T)
    probs = model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)
    shown = over_heads(alpha, heads)
    on_words = batch.per_word(shown)  # (B, W)
    whole = on_words.sum(1)
    # Maxima add up to more than a mass: what lies outside is then that of the mean.
    inside = batch.per_word(alpha.mean(1)).sum(1) if heads == "max" else whole
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
    heads: Heads = "mean",
) -> Iterator[list[Record]]:
    """The records that `make` gives for each batch in turn."""
    by_row = {i.row: i for i in batches.instances}
    return batches.memory.results(
        lambda batch: make(answer(model, batch, by_row, heads)), batches, observer
    )


@dataclass
class Basics:
    """The shared fields of all records of an audit, as columns; see `measures.columns`.

    `groups` holds None for a record of no group.
    """

    ids: Texts = field(default_factory=Texts)
    groups: Names = field(default_factory=Names)
    _gold: Column = field(default_factory=lambda: Column(np.int64))
    _probs: Column = field(default_factory=Column)
    _words: Column = field(default_factory=lambda: Column(np.int64))
    _outside: Column = field(default_factory=Column)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record; raises ValueError for one with another number of classes."""
        self.ids.add(record["id"])
        self.groups.add(record.get("group"))
        self._gold.add(record["gold"])
        self._probs.extend(record["probs"])
        self._words.add(record["words"])
        self._outside.add(record["outside"])
        if len(self._probs) != len(record["probs"]) * len(self.ids):
            raise ValueError("records differ in their number of classes")

    @property
    def gold(self) -> NDArray[np.int64]:
        """(n,) gold classes."""
        return self._gold.array()

    @property
    def probs(self) -> NDArray[np.float64]:
        """(n, classes) what the model answers; raises ValueError where there is no record."""
        if not len(self.ids):
            raise ValueError("there are no records")
        return self._probs.array(len(self._probs) // len(self.ids))

    @property
    def words(self) -> NDArray[np.int64]:
        """(n,) the number of words."""
        return self._words.array()

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(n,) predicted classes."""
        classes: NDArray[np.int64] = self.probs.argmax(1)
        return classes

    def bootstrap(self, seed: int, part: NDArray[np.bool_] | None = None) -> Bootstrap:
        """Resampling of all instances, or of a part: by group where the data has groups."""
        codes = self.groups.codes
        return Bootstrap.by_code(codes if part is None else codes[part], seed)

    def model_scores(self, bootstrap: Bootstrap) -> dict[str, Estimate]:
        """How good the model is on these instances; without that no audit means much."""
        gold, probs = self.gold, self.probs
        right = (probs.argmax(1) == gold).astype(float)
        (accurate,) = bootstrap.means(right[:, None])
        scores = {
            "model.accuracy": accurate,
            "model.f1": bootstrap.counted(f1_of_counts(gold, probs)),
            "model.majority_accuracy": Estimate(majority_accuracy(gold), n=len(gold)),
        }
        if probs.shape[1] == 2:
            scores["model.auroc"] = bootstrap.counted(auroc_of_counts(gold, probs[:, 1]))
        return scores

    def columns(self, values: Mapping[str, NDArray[np.float64]]) -> Columns:
        """`values` by metric, one a record, with what `model_scores` has of that kind."""
        right = Frame()
        right.extend({"model.accuracy": self.predicted == self.gold}, len(self.ids))
        return Columns(self.ids, self.groups, joined(right, values))

    def notes(self) -> list[str]:
        """Remarks that hold for any audit of these instances."""
        words, mass = self.words, float(self._outside.array().mean())
        low, high = (int(q) for q in np.quantile(words, [0.05, 0.95], method="nearest"))
        notes = [
            f"Texts have {int(np.median(words))} words in the median ({low} to {high} for 90 % of"
            " them)."
        ]
        if mass > 0.005:
            loud = " More than half: the weights shown say little." if mass > 0.5 else ""
            notes.append(f"{mass:.0%} of the attention lies outside the words shown.{loud}")
        return notes
