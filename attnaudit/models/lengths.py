"""The lengths of texts, from which the cost of an audit follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attnaudit.data.store import query_counts, token_counts, word_counts

if TYPE_CHECKING:
    from attnaudit.models.predict import Batches

Lengths = NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """The lengths of some texts, and which of them share a batch; all (n,).

    `words` that an explanation speaks of; `items`, the positions they take; `tokens` of the whole
    row, framing and query included; `batch`, the number of the batch that a text is in.
    """

    words: Lengths
    items: Lengths
    tokens: Lengths
    batch: Lengths

    @classmethod
    def of(cls, batches: Batches) -> Texts:
        """Those of some batches."""
        instances = batches.instances
        items = token_counts(instances)
        words = items if batches.pieces else word_counts(instances)
        number = np.zeros(len(items), np.int64)
        for k, group in enumerate(batches.groups):
            number[group] = k
        return cls(words, items, tokens_of(batches), number)

    def __len__(self) -> int:
        return len(self.words)

    def padded(self, values: Lengths) -> Lengths:
        """For each text the largest of the values of its batch."""
        largest = np.zeros(self.batch.max(initial=-1) + 1, np.int64)
        np.maximum.at(largest, self.batch, values)
        return largest[self.batch]


def tokens_of(batches: Batches) -> Lengths:
    """(n,) tokens of each row, a query included."""
    texts, asked = token_counts(batches.instances), query_counts(batches.instances)
    rows, apart = batches.vocabulary.lengths(texts, asked, batches.boundaries)
    return rows + apart


def padded_tokens(batches: Batches) -> int:
    """How many tokens they are, padding included."""
    tokens = tokens_of(batches)
    return int(sum(len(group) * tokens[group].max() for group in batches.groups))
