"""The rationales of a split: what scores its words, and which of them are kept.

Letters in shape comments: N texts, L content positions, W words that the audited row can reach.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.store import token_counts
from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.execution.seeds import generator_for
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.compute import importances
from attnaudit.measures.thresholds import Mask, kept_words, length_of, random_words
from attnaudit.models.choice_only import ChoiceOnly
from attnaudit.models.interface import AttentionModel
from attnaudit.models.removal import Removal
from attnaudit.models.retraining import Retraining
from attnaudit.questions.answers import Answered, answer
from attnaudit.questions.people import rationale_of
from attnaudit.questions.rationalize.settings import RationalizeSettings
from attnaudit.readings import find_reading
from attnaudit.readings.heads import MEAN
from attnaudit.readings.reading import Reading

R = TypeVar("R")
Array = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Chosen:
    """The rationale of a text: `scores` (W,) of its words, and which of them are `kept` (W,).

    Where the scores are not `defined`, they are all 0, and the last words are kept.
    """

    scores: Array
    kept: Mask
    defined: bool = True


@dataclass(frozen=True)
class Texts:
    """Where the words of the texts of a split stand, by row.

    `words` (N, L) is the number of the word at each content position, among those that the audited
    row can reach: -1 for a position of another word, or of none. `begins` (N, L) is true where a
    word begins. `lengths` (N,) is how many content positions there are, and `counts` (N,) how many
    words are within reach. `people` has (W,) true on the words that people marked, None where they
    marked none.
    """

    words: NDArray[np.int64]
    begins: NDArray[np.bool_]
    lengths: Tensor
    counts: NDArray[np.int64]
    people: Sequence[Mask | None]

    def whole(self) -> Removal:
        """Nothing is removed."""
        return self._removal(np.zeros(self.words.shape, bool), self.counts * 0)

    def rationale(self, chosen: Sequence[Chosen]) -> Removal:
        """All is removed but the words that are kept; words out of reach are, too."""
        counts = [len(one.kept) - int(one.kept.sum()) for one in chosen]
        return self._removal(self._there & ~self._at(chosen), np.array(counts, np.int64))

    def marked(self, chosen: Sequence[Chosen], symbols: tuple[int, int]) -> ChoiceOnly:
        """What is left where a text shows only which of its words are kept, a symbol for each."""
        plain = self._removal(self._there & ~self.begins, self.counts * 0)
        marks = self._placed(self._at(chosen))
        return ChoiceOnly(plain.removed, plain.reached, plain.lengths, plain.counts, marks, symbols)

    @property
    def _there(self) -> NDArray[np.bool_]:
        places = np.arange(self.words.shape[1])
        found: NDArray[np.bool_] = places < self.lengths.cpu().numpy()[:, None]
        return found

    def _at(self, chosen: Sequence[Chosen]) -> NDArray[np.bool_]:
        """(N, L) true at the content positions of words that are kept."""
        found = np.zeros(self.words.shape, bool)
        for row, one in enumerate(chosen):
            inside = self.words[row] >= 0
            found[row, inside] = one.kept[self.words[row, inside]]
        return found

    def _removal(self, removed: NDArray[np.bool_], counts: Counts) -> Removal:
        reached = self._placed(self.words >= 0)
        return Removal(self._placed(removed), reached, self.lengths, counts)

    def _placed(self, values: NDArray[np.bool_]) -> Tensor:
        return torch.from_numpy(values).to(self.lengths.device)


def texts_of(retraining: Retraining, split: str, pieces: bool) -> Texts:
    """Where the words of a split stand; with `pieces` each token is a word."""
    instances = retraining.splits[split].instances
    lengths = token_counts(instances)
    words = np.full((len(instances), int(lengths.max())), -1, np.int64)
    begins, counts = np.zeros(words.shape, bool), np.zeros(len(instances), np.int64)
    people: list[Mask | None] = [None] * len(instances)
    for instance in instances:
        n, row = len(instance.tokens), instance.row
        begins[row, :n] = True if pieces else np.diff(instance.words, prepend=-1) > 0
    for known in _answered(retraining, split, pieces, lambda known: known, MEAN):
        for b, row in enumerate(known.batch.rows.tolist()):
            there = known.reached(b).cpu().numpy()
            numbers = known.batch.words[b][known.batch.content[b]].cpu().numpy()
            words[row, : len(there)][there] = numbers
            counts[row] = int(known.batch.word_counts[b])
            people[row] = rationale_of(known, b)
    placed = torch.from_numpy(lengths).to(retraining.device)
    return Texts(words, begins, placed, counts, people)


def rationales(
    retraining: Retraining, split: str, settings: RationalizeSettings, name: str, pieces: bool
) -> list[Chosen]:
    """The rationale of each text by the score `name`, of the class that the model predicts.

    A reading is that of the model's own attention. An importance is computed as in `correlate`.
    """

    def score(known: Answered) -> tuple[Answered, Array]:
        if name not in IMPORTANCES:
            return known, known.on_words.cpu().double().numpy()
        target = known.probs.argmax(1)
        asked = known.request(retraining.base, target, [name], settings.seed, retraining.budget)
        return known, importances(asked).scores[name].astype(np.float64)

    reading = settings.shown if name in IMPORTANCES else find_reading(name)
    made: dict[int, Chosen] = {}
    for known, found in _answered(retraining, split, pieces, score, reading):
        for b, row in enumerate(known.batch.rows.tolist()):
            scores = found[b, : int(known.batch.word_counts[b])]
            defined = bool(np.isfinite(scores).all())
            scores = scores if defined else np.zeros(len(scores))
            count = length_of(len(scores), settings.share, settings.count)
            made[row] = Chosen(scores, kept_words(scores, count, settings.form), defined)
    return [made[row] for row in range(len(made))]


def random_rationales(
    retraining: Retraining, split: str, settings: RationalizeSettings, texts: Texts, seed: int
) -> list[Chosen]:
    """As many words of each text, in the same form, drawn at random.

    A draw depends on the id of the text, on the split and on the `seed` of the predictor. The
    scores are random, too.
    """
    made = []
    for instance in retraining.splits[split].instances:
        words = int(texts.counts[instance.row])
        drawn = generator_for(instance.id, seed, zlib.crc32(split.encode()))
        count = length_of(words, settings.share, settings.count)
        kept = random_words(words, count, settings.form, drawn)
        made.append(Chosen(drawn.random(words), kept))
    return made


def check_source(name: str, model: AttentionModel) -> None:
    """Raise InputError for a reading or an importance that `model` cannot give."""
    source = IMPORTANCES[name] if name in IMPORTANCES else find_reading(name)
    if reason := source.needs(model):
        raise InputError(f"--by {name}: {reason}")


def _answered(
    retraining: Retraining,
    split: str,
    pieces: bool,
    make: Callable[[Answered], R],
    reading: Reading,
) -> Iterator[R]:
    by_row = {i.row: i for i in retraining.splits[split].instances}
    batches = retraining.batches(split, pieces)
    return batches.memory.results(
        lambda batch: make(answer(retraining.base, batch, by_row, reading)), batches, Silent()
    )
