"""Tokens to ids: what a model is told of a text, besides which words its tokens are of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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

    pad = PAD

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: i for i, word in enumerate(self.words, start=len(SPECIALS))}
        if len(self._ids) != len(self.words):
            raise ValueError("a vocabulary holds each word once")

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
        return [self._ids.get(token, UNK) for token in tokens]

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
        return [SOS, *ids, EOS] if boundaries else ids
