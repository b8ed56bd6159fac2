"""What records of `erase` hold of each text: shares of the words, and names of figures."""

from __future__ import annotations

BINS = (1, 5, 10, 20, 50)  # per cent of the words
KINDS = ("comprehensiveness", "sufficiency")
SHUFFLES = 5  # random orders in which weights are erased


def top_size(share: int, words: int) -> int:
    """How many of so many words are the top `share` per cent: rounded up, exactly, at least 1."""
    return -(-share * words // 100)
