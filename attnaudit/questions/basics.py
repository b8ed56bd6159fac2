"""The fields that every record holds, as columns, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures import influence
from attnaudit.measures.columns import Column, Frame, Names, Texts, joined
from attnaudit.measures.sample import Sample
from attnaudit.measures.scores import majority_accuracy
from attnaudit.measures.summary import Columns, Estimate
from attnaudit.questions.text_facts import OUTSIDE, SHORT, TAU_WORDS
from attnaudit.records.metric import UNIT
from attnaudit.wording import percent

OUTSIDE_NOTE = "of the attention lies outside the words shown."  # how the note of it ends


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
    _unreachable: Column = field(default_factory=lambda: Column(np.int64))
    _first: Column = field(default_factory=Column)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record; raises ValueError for one with another number of classes."""
        self.ids.add(record["id"])
        self.groups.add(record.get("group"))
        self._gold.add(record["gold"])
        self._probs.extend(record["probs"])
        self._words.add(record["words"])
        self._outside.add(record["outside"])
        self._unreachable.add(record.get("unreachable", 0))
        if "first_word" in record:
            self._first.add(record["first_word"])
        if len(self._probs) != len(record["probs"]) * len(self.ids):
            raise ValueError("the records do not all have the same number of classes")

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

    def sample(self, part: NDArray[np.bool_] | None = None) -> Sample:
        """All instances, or a part of them, as a sample: of groups where the data has groups."""
        codes = self.groups.codes
        return Sample.by_code(codes if part is None else codes[part])

    def model_scores(self) -> dict[str, Estimate]:
        """How good the model is on these instances, and what the instances are like.

        Without that no audit means much.
        """
        gold, probs, sample = self.gold, self.probs, self.sample()
        right = (probs.argmax(1) == gold).astype(float)
        scores = {
            "model.accuracy": sample.mean(right, UNIT),
            "model.f1": sample.score(influence.f1(gold, probs), UNIT),
            "model.majority_accuracy": Estimate(majority_accuracy(gold), n=len(gold)),
        }
        if probs.shape[1] == 2:
            scores["model.auroc"] = sample.score(influence.auroc(gold, probs[:, 1]), UNIT)
        return scores | self._text_facts(sample)

    def _text_facts(self, sample: Sample) -> dict[str, Estimate]:
        """Where the attention lies, and how many texts are too short for a significant tau."""
        outside, short = self._outside.array(), self.words < TAU_WORDS
        facts = {SHORT: Estimate(float(short.mean()), n=len(short))}
        if outside.max() > 0:
            facts[OUTSIDE] = sample.mean(outside, UNIT)
        return facts

    def columns(
        self,
        values: Mapping[str, NDArray[np.float64]],
        largest: NDArray[np.float64] | None = None,
    ) -> Columns:
        """`values` by metric, one a record, with what `model_scores` has of that kind.

        `largest` (n,): the largest weight of a word, where records hold attention.
        """
        right = Frame()
        right.extend({"model.accuracy": self.predicted == self.gold}, len(self.ids))
        return Columns(self.ids, self.groups, joined(right, values), self.predicted, largest)

    def notes(self) -> list[str]:
        """Remarks that hold for any audit of these instances."""
        words, mass = self.words, float(self._outside.array().mean())
        low, high = (int(q) for q in np.quantile(words, [0.05, 0.95], method="nearest"))
        notes = [
            f"The median text has {int(np.median(words))} words; 90 % of the texts have {low} "
            f"to {high}."
        ]
        if mass > 0.005:
            loud = " This is more than half, so the weights shown say little." if mass > 0.5 else ""
            notes.append(f"{percent(mass)} {OUTSIDE_NOTE}{loud}")
        if beyond := self._unreachable.array().sum():
            texts = int((self._unreachable.array() > 0).sum())
            notes.append(
                f"{beyond:,} of {beyond + words.sum():,} words, in {texts:,} of {len(words):,} "
                "texts, are out of reach of the audited row, so they can get no attention. "
                "They are not shown, not ranked and not counted as words."
            )
        if len(self._first):
            notes.append(
                f"{percent(self._first.array().mean())} of the attention lies on the first word. "
                "The tokenizer puts no special token before it, and decoders often put attention "
                "that they do not need on the first position. Do not read the weight of that "
                "word as importance."
            )
        return notes
