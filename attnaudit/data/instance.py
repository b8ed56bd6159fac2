"""One row of a data set, ready for a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instance:
    """One row, ready for a model.

    `row` is its place among the instances kept, from 0; `line` where it stands in its file, from 1.
    `words` numbers the word of each token, consecutively from 0. `rationale` is 0 or 1 a token, and
    so is `impermissible`, which marks the words that a model should not rest on. `truncated` says
    that the text or the query was cut to length. `surface` holds the words as they stand in the
    text, where tokens are pieces of words; None where they are the words. `text` is the text as the
    row has it, where whoever loaded it asked for that.
    """

    id: str
    row: int
    line: int
    tokens: tuple[str, ...]
    words: tuple[int, ...]
    label: int
    query: tuple[str, ...] | None
    rationale: tuple[int, ...] | None
    group: str | None
    truncated: bool
    surface: tuple[str, ...] | None = None
    text: str | None = None
    impermissible: tuple[int, ...] | None = None

    def units(self, pieces: bool) -> list[str]:
        """What is explained: the words as they stand in the text, or the pieces of them."""
        if pieces:
            return list(self.tokens)
        if self.surface is not None:
            return list(self.surface)
        words = [""] * (self.words[-1] + 1)
        for word, token in zip(self.words, self.tokens, strict=True):
            words[word] += token
        return words
