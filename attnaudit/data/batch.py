"""Batches of token ids, and the two edits that every deletion test is made of.

What a batch looks like, such as how wide its texts are, is decided on the host: a batch on a GPU
keeps a copy there. Edits are made of that copy and sent, so that nobody waits for the GPU.

Letters in shape comments: B batch, T tokens (specials and padding included), W words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from attnaudit.data.instance import Instance
from attnaudit.data.transfer import sent
from attnaudit.data.vocabulary import PAD, Vocabulary

OUTSIDE = -1  # the word number of positions that are no content


@dataclass(frozen=True)
class Batch:
    """Some instances as tensors; row i of every tensor is one instance.

    `ids` (B, T) token ids, `pad` beyond the end; `mask` (B, T) true at real positions, specials
    included; `words` (B, T) the number of the word a position belongs to, -1 outside content;
    `labels` (B,) gold class; `rows` (B,) position in the data set; `query_ids` and `query_mask`
    (B, query tokens) for pairs whose sides are encoded apart; `types` (B, T) the segment of each
    position, for models that have several in one sequence.
    """

    ids: Tensor
    mask: Tensor
    words: Tensor
    labels: Tensor
    rows: Tensor
    query_ids: Tensor | None = None
    query_mask: Tensor | None = None
    types: Tensor | None = None
    pad: int = PAD

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def content(self) -> Tensor:
        """(B, T) true at the positions that an explanation speaks of."""
        return self.words >= 0

    @cached_property
    def word_counts(self) -> Tensor:
        """(B,) the number of each instance's last word, plus one; a deletion does not renumber.

        As numbers, ask those of `host`.
        """
        return self.words.amax(1) + 1

    @property
    def host(self) -> Batch:
        """The same batch on the CPU: what it holds can be looked at without a wait for a device."""
        return self if self.ids.device.type == "cpu" else self._copy

    @cached_property
    def _copy(self) -> Batch:
        return self._with({name: x.cpu() for name, x in self._tensors().items()})

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device; on a device it keeps its copy on the CPU."""
        if self.ids.device == device:
            return self
        host = self.host
        if device.type == "cpu":
            return host
        made = self._with({name: sent(x, device) for name, x in host._tensors().items()})
        vars(made)["_copy"] = host
        return made

    def select(self, index: Tensor) -> Batch:
        """The instances at `index` (any order, repeats allowed), padding that none needs cut.

        An `index` on the CPU costs no wait for a device.
        """
        host, index = self.host, index.cpu()
        chosen = host._with({name: x[index] for name, x in host._tensors().items()})
        return chosen._trim().to(self.ids.device)

    def keep(self, mask: Tensor) -> Batch:
        """The batch with the content positions deleted where `mask` (B, T) is false.

        Ids are edited, never text; specials and the query stay, and what follows a deletion moves
        up. Word numbers keep the values they had, so that they still name the original words. A
        `mask` on the CPU costs no wait for a device.
        """
        host = self.host
        kept = host.mask & (mask.cpu() | ~host.content)
        order = (~kept).to(torch.int8).argsort(dim=1, stable=True)
        real = kept.gather(1, order)
        edited = replace(
            host,
            ids=host.ids.gather(1, order).masked_fill(~real, host.pad),
            mask=real,
            words=host.words.gather(1, order).masked_fill(~real, OUTSIDE),
            types=None if host.types is None else host.types.gather(1, order) * real,
        )
        return edited._trim().to(self.ids.device)

    def replace(self, mask: Tensor, token_id: int) -> Batch:
        """The batch with `token_id` in the content positions where `mask` (B, T) is true.

        It is made where the `mask` lies, and so without a wait for a device.
        """
        here = self.host if mask.device.type == "cpu" else self
        ids = here.ids.masked_fill(mask & here.content, token_id)
        return replace(here, ids=ids).to(self.ids.device)

    def within(self, reached: Tensor) -> Batch:
        """The batch without the words before the first and behind the last that is `reached`.

        A word is reached where one of its positions is, (B, T). The words that are left count from
        0; the others stay in the text, and are no content.
        """
        host, reached = self.host, reached.cpu()
        if bool((reached | ~host.content).all()):
            return self
        nowhere = torch.iinfo(host.words.dtype).max
        there = reached & host.content
        first = host.words.masked_fill(~there, nowhere).amin(1, keepdim=True)  # (B, 1)
        last = host.words.masked_fill(~there, OUTSIDE).amax(1, keepdim=True)
        kept = host.content & (host.words >= first) & (host.words <= last)
        words = torch.where(kept, host.words - first, OUTSIDE)
        return replace(host, words=words).to(self.ids.device)

    def per_word(self, values: Tensor) -> Tensor:
        """`values` (B, T) summed over the positions of each word: (B, W), 0 beyond the last."""
        width = int(self.host.word_counts.max())
        sums = values.new_zeros(len(self), width + 1)
        sums.scatter_add_(1, self.words - OUTSIDE, values)
        return sums[:, 1:]

    def _tensors(self) -> dict[str, Tensor]:
        held = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: x for name, x in held if isinstance(x, Tensor)}

    def _trim(self) -> Batch:
        width = int(self.mask.sum(1).max())
        cut = {name: getattr(self, name)[:, :width] for name in self._tensors() if name in _WIDE}
        if self.query_ids is not None and self.query_mask is not None:
            width = int(self.query_mask.sum(1).max())
            cut["query_ids"] = self.query_ids[:, :width]
            cut["query_mask"] = self.query_mask[:, :width]
        return self._with(cut)

    def _with(self, tensors: dict[str, Tensor]) -> Batch:
        changed: dict[str, Any] = dict(tensors)
        return replace(self, **changed)


_WIDE = ("ids", "mask", "words", "types")  # what is as wide as the text


def collate(
    instances: Sequence[Instance],
    vocabulary: Vocabulary,
    *,
    boundaries: bool,
    pieces: bool = False,
) -> Batch:
    """The instances as one padded batch.

    `boundaries` puts <SOS> and <EOS> around each text of a classic model (encoded, never
    attended). `pieces` makes every token its own unit of explanation instead of the word it
    belongs to.
    """
    rows = [vocabulary.row(i.tokens, i.query, boundaries) for i in instances]
    ids = _padded([row.ids for row in rows], vocabulary.pad)
    words = np.full(ids.shape, OUTSIDE, np.int64)
    for line, row, instance in zip(words, rows, instances, strict=True):
        n = len(instance.tokens)
        line[row.start : row.start + n] = np.arange(n) if pieces else instance.words
    lengths = np.array([len(row.ids) for row in rows])
    queries = [row.query for row in rows if row.query is not None]
    query_ids = _padded(queries, vocabulary.pad) if queries else None
    types = [row.types for row in rows if row.types is not None]
    return Batch(
        ids=ids,
        mask=torch.from_numpy(np.arange(ids.shape[1]) < lengths[:, None]),
        words=torch.from_numpy(words),
        labels=torch.tensor([i.label for i in instances]),
        rows=torch.tensor([i.row for i in instances]),
        query_ids=query_ids,
        query_mask=None if query_ids is None else query_ids != vocabulary.pad,
        types=_padded(types, 0) if types else None,
        pad=vocabulary.pad,
    )


def _padded(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
    padded = np.full((len(rows), max(map(len, rows))), fill, np.int64)
    for line, row in zip(padded, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(padded)


def within_budget(
    lengths: ArrayLike, queries: ArrayLike, budget: int
) -> Iterator[NDArray[np.int64]]:
    """Positions grouped, shortest first, so that no group's padded size exceeds `budget`.

    `lengths` and `queries` (n,) are the tokens of each instance's text and query; groups are sorted
    by the text. An instance longer than the budget stands alone. The grouping depends on the
    lengths and the budget only, never on who works on the groups.
    """
    texts = np.asarray(lengths, np.int64)
    order = np.argsort(texts, kind="stable")
    sides = zip(texts[order], np.broadcast_to(queries, texts.shape)[order], strict=True)
    start, widest = 0, 0  # the group's first place in the order, and its longest query
    for end, (text, query) in enumerate(sides):
        widest = max(widest, int(query))
        if end > start and (end - start + 1) * (int(text) + widest) > budget:
            yield order[start:end]
            start, widest = end, int(query)
    if len(order):
        yield order[start:]
