"""Instances whose token ids are looked up once, for batches that are made of them many times.

Letters in shape comments: B batch, T tokens, N instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.data.instance import Instance
from attnaudit.data.store import query_counts, token_counts
from attnaudit.data.vocabulary import Vocabulary

Rows = NDArray[np.int64]
MOST_TOKENS = 2**24  # of texts and queries: 130 MiB as numbers of 32 bits, ids and words


class _Ragged(NamedTuple):
    """Lists of different lengths, one after another: list i is `flat[starts[i]:][:lengths[i]]`."""

    flat: NDArray[np.int32]
    starts: Rows
    lengths: Rows

    @classmethod
    def of(cls, lists: Sequence[NDArray[np.int32]]) -> _Ragged:
        lengths = np.array([len(one) for one in lists], np.int64)
        return cls(np.concatenate(lists), np.cumsum(lengths) - lengths, lengths)

    def padded(self, index: Rows, fill: int) -> Tensor:
        """The lists at `index` (B,) as (B, T), with `fill` behind the end of each."""
        lengths = self.lengths[index]
        columns = np.arange(lengths.max())
        inside = columns < lengths[:, None]  # (B, T)
        places = np.minimum(self.starts[index][:, None] + columns, len(self.flat) - 1)
        return torch.from_numpy(np.where(inside, self.flat[places], fill).astype(np.int64))


class Collated:
    """What `batch.collate` looks up of instances, kept: a batch of any of them costs little.

    `boundaries` as in `collate`; the unit of explanation is the word. Eight bytes a token.
    """

    def __init__(
        self, instances: Sequence[Instance], vocabulary: Vocabulary, *, boundaries: bool
    ) -> None:
        ids, words, types, queries, labels, rows = [], [], [], [], [], []
        for instance in instances:
            row = vocabulary.row(instance.tokens, instance.query, boundaries)
            line = np.full(len(row.ids), OUTSIDE, np.int32)
            line[row.start : row.start + len(instance.tokens)] = instance.words
            ids.append(np.array(row.ids, np.int32))
            words.append(line)
            if row.types is not None:
                types.append(np.array(row.types, np.int32))
            if row.query is not None:
                queries.append(np.array(row.query, np.int32))
            labels.append(instance.label)
            rows.append(instance.row)
        self._ids, self._words = _Ragged.of(ids), _Ragged.of(words)
        self._types = _Ragged.of(types) if types else None
        self._queries = _Ragged.of(queries) if queries else None
        self._labels, self._rows = torch.tensor(labels), torch.tensor(rows)
        self._pad = vocabulary.pad

    def batch(self, index: Rows) -> Batch:
        """The instances at `index` (B,), in that order: what `collate` makes of them."""
        ids = self._ids.padded(index, self._pad)
        lengths = self._ids.lengths[index]
        asked = None if self._queries is None else self._queries.padded(index, self._pad)
        chosen = torch.from_numpy(index)
        return Batch(
            ids=ids,
            mask=torch.from_numpy(np.arange(ids.shape[1]) < lengths[:, None]),
            words=self._words.padded(index, OUTSIDE),
            labels=self._labels[chosen],
            rows=self._rows[chosen],
            query_ids=asked,
            query_mask=None if asked is None else asked != self._pad,
            types=None if self._types is None else self._types.padded(index, 0),
            pad=self._pad,
        )


def is_small(instances: Sequence[Instance]) -> bool:
    """Whether the instances are few enough to be kept collated."""
    asked = query_counts(instances)
    total = int(token_counts(instances).sum()) + (0 if asked is None else int(asked.sum()))
    return total <= MOST_TOKENS
