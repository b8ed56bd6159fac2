"""Tokens to ids: what a model is told of a text, besides which words its tokens are of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

Counts = NDArray[np.int64]
Sides = tuple[Counts, Counts]  # of the text, of the query
PAD, UNK, SOS, EOS = 0, 1, 2, 3
SPECIALS = ("<PAD>", "<UNK>", "<SOS>", "<EOS>")


class Row(NamedTuple):
    """The ids of one instance, with what frames them.

    The text begins at `start` of `ids`. `types` numbers the segment of each id, None where there is
    one segment. `query` is that of a pair whose sides are encoded apart.
    """

    ids: list[int]
    start: int
    types: list[int] | None
    query: list[int] | None


class Vocabulary:
    """The words a model knows; ids 0 to 3 are padding, unknown, start and end of a text.

    The specials stand outside the words: a token spelled "<UNK>" in a text is an ordinary word.
    """

    pad, unknown, start, end = PAD, UNK, SOS, EOS

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: i for i, word in enumerate(self.words, start=len(SPECIALS))}
        if len(self._ids) != len(self.words):
            raise ValueError("a vocabulary must contain each word only once")

    @classmethod
    def count(cls, texts: Iterable[Sequence[str]], min_count: int = 1) -> Vocabulary:
        """The words that occur at least `min_count` times, the most frequent first."""
        counts = Counter(token for tokens in texts for token in tokens)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls([word for word, n in ranked if n >= min_count])

    def __len__(self) -> int:
        return len(self.words) + len(SPECIALS)

    def same_as(self, other: Vocabulary) -> bool:
        """Whether both give every text the same ids."""
        return type(self) is type(other) and self.words == other.words

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """The id of each token, UNK for the ones that are not known."""
        return [self._ids.get(token, self.unknown) for token in tokens]

    def row(self, text: Sequence[str], query: Sequence[str] | None, boundaries: bool) -> Row:
        """One instance: the sides of a pair apart, each between <SOS> and <EOS> if asked for."""
        asked = None if query is None else self._framed(query, boundaries)
        return Row(self._framed(text, boundaries), int(boundaries), None, asked)

    def lengths(self, texts: Counts, queries: Counts | None, boundaries: bool) -> Sides:
        """How long rows of so many tokens are (n,), and the queries that are encoded apart (n,)."""
        edges = 2 * boundaries
        return texts + edges, np.zeros_like(texts) if queries is None else queries + edges

    def _framed(self, tokens: Sequence[str], boundaries: bool) -> list[int]:
        ids = self.ids(tokens)
        return [self.start, *ids, self.end] if boundaries else ids


class WordIds(Vocabulary):
    """The words of a model that brings its own vocabulary, with the ids it was trained with.

    `ids` gives each word's. Entries for one of the special ids are left out: a token that is
    spelled "<pad>" is an unknown word. `start` and `end` are for models with `boundaries`.

    Raises:
        ValueError: an id is no whole number from 0 on, or there is no word.
    """

    def __init__(
        self,
        ids: Mapping[str, int],
        *,
        pad: int,
        unknown: int,
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        framing = [i for i in (start, end) if i is not None]
        specials = {pad, unknown, *framing}
        every = [*ids.values(), *specials]
        if not all(type(i) is int and i >= 0 for i in every):
            raise ValueError("the ids of a vocabulary are whole numbers from 0 on")
        kept = {word: i for word, i in ids.items() if i not in specials}
        if not kept:
            raise ValueError("a vocabulary must contain at least one word")
        super().__init__(sorted(kept, key=lambda word: kept[word]))
        self._ids, self._size = kept, 1 + max(every)
        self.pad, self.unknown = pad, unknown
        self._framing = (start, end)
        if start is not None and end is not None:
            self.start, self.end = start, end

    @override
    def __len__(self) -> int:
        return self._size

    @override
    def same_as(self, other: Vocabulary) -> bool:
        if not isinstance(other, WordIds):
            return False
        mine, theirs = ((w._ids, w.pad, w.unknown, w._framing) for w in (self, other))
        return mine == theirs

    @override
    def _framed(self, tokens: Sequence[str], boundaries: bool) -> list[int]:
        if boundaries and None in self._framing:
            raise ValueError("a model with boundaries needs a vocabulary with `start` and `end`")
        return super()._framed(tokens, boundaries)


@dataclass(frozen=True)
class Unknown:
    """How much of some texts, queries included, a model does not know.

    `words` different ones of `all_words`, with `occurrences` of `all_occurrences`; `texts` that
    hold any.
    """

    words: int
    all_words: int
    occurrences: int
    all_occurrences: int
    texts: int


def count_unknown(
    texts: Iterable[tuple[Sequence[str], Sequence[str] | None]], vocabulary: Vocabulary
) -> Unknown:
    """Count the tokens of texts with their queries that `vocabulary` gives the id of no word."""
    seen: dict[str, bool] = {}  # whether each is unknown
    tokens = all_tokens = touched = 0
    for text, query in texts:
        every = (*text, *(query or ()))
        for token in every:
            if token not in seen:
                seen[token] = vocabulary.ids((token,))[0] == vocabulary.unknown
        missed = sum(map(seen.__getitem__, every))
        tokens, all_tokens = tokens + missed, all_tokens + len(every)
        touched += missed > 0
    return Unknown(sum(seen.values()), len(seen), tokens, all_tokens, touched)
