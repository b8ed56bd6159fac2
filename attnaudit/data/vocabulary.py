"""Token strings to ids: four specials, then the words in a fixed order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

PAD, UNK, SOS, EOS = 0, 1, 2, 3
SPECIALS = ("<PAD>", "<UNK>", "<SOS>", "<EOS>")


class Vocabulary:
    """The words a model knows; ids 0 to 3 are padding, unknown, start and end of a text.

    The specials stand outside the words: a token spelled "<UNK>" in a text is an ordinary word.
    """

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

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """The id of each token, UNK for the ones that are not known."""
        return [self._ids.get(token, UNK) for token in tokens]
