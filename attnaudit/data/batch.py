"""Batches of token ids, and the two edits that every deletion test is made of.

Letters in shape comments: B batch, T tokens (specials and padding included), W words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attnaudit.data.dataset import Instance
from attnaudit.data.vocabulary import EOS, PAD, SOS, Vocabulary

OUTSIDE = -1  # the word number of positions that are no content


@dataclass(frozen=True)
class Batch:
    """Some instances as tensors; row i of every tensor is one instance.

    `ids` (B, T) token ids, PAD beyond the end; `mask` (B, T) true at real positions, specials
    included; `words` (B, T) the number of the word a position belongs to, -1 outside content;
    `labels` (B,) gold class; `rows` (B,) position in the data set; `query_ids` and `query_mask`
    (B, query tokens) for paired tasks.
    """

    ids: Tensor
    mask: Tensor
    words: Tensor
    labels: Tensor
    rows: Tensor
    query_ids: Tensor | None = None
    query_mask: Tensor | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def content(self) -> Tensor:
        """(B, T) true at the positions that an explanation speaks of."""
        return self.words >= 0

    @property
    def word_counts(self) -> Tensor:
        """(B,) the number of each instance's last word, plus one; a deletion does not renumber."""
        return self.words.amax(1) + 1

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **moved)

    def select(self, index: Tensor) -> Batch:
        """The instances at `index` (any order, repeats allowed), padding that none needs cut."""
        taken = {name: value[index] for name, value in vars(self).items() if value is not None}
        return replace(self, **taken)._trim()

    def keep(self, mask: Tensor) -> Batch:
        """The batch with the content positions deleted where `mask` (B, T) is false.

        Ids are edited, never text; specials and the query stay, and what follows a deletion moves
        up. Word numbers keep the values they had, so that they still name the original words.
        """
        kept = self.mask & (mask | ~self.content)
        order = (~kept).to(torch.int8).argsort(dim=1, stable=True)
        real = kept.gather(1, order)
        return replace(
            self,
            ids=self.ids.gather(1, order).masked_fill(~real, PAD),
            mask=real,
            words=self.words.gather(1, order).masked_fill(~real, OUTSIDE),
        )._trim()

    def replace(self, mask: Tensor, token_id: int) -> Batch:
        """The batch with `token_id` in the content positions where `mask` (B, T) is true."""
        return replace(self, ids=self.ids.masked_fill(mask & self.content, token_id))

    def per_word(self, values: Tensor) -> Tensor:
        """`values` (B, T) summed over the positions of each word: (B, W), 0 beyond the last."""
        width = int(self.word_counts.max())
        sums = values.new_zeros(len(self), width + 1)
        sums.scatter_add_(1, self.words - OUTSIDE, values)
        return sums[:, 1:]

    def _trim(self) -> Batch:
        width = int(self.mask.sum(1).max())
        cut = {name: getattr(self, name)[:, :width] for name in ("ids", "mask", "words")}
        if self.query_ids is not None and self.query_mask is not None:
            width = int(self.query_mask.sum(1).max())
            cut["query_ids"] = self.query_ids[:, :width]
            cut["query_mask"] = self.query_mask[:, :width]
        return replace(self, **cut)


def collate(
    instances: Sequence[Instance],
    vocabulary: Vocabulary,
    *,
    boundaries: bool,
    pieces: bool = False,
) -> Batch:
    """The instances as one padded batch.

    `boundaries` puts <SOS> and <EOS> around each text (encoded, never attended). `pieces` makes
    every token its own unit of explanation instead of the word it belongs to.
    """
    edge = int(boundaries)
    width = max(len(i.tokens) for i in instances) + 2 * edge
    ids = torch.full((len(instances), width), PAD)
    words = torch.full((len(instances), width), OUTSIDE)
    for row, instance in enumerate(instances):
        n = len(instance.tokens)
        inner = slice(edge, edge + n)
        ids[row, inner] = torch.tensor(vocabulary.ids(instance.tokens))
        words[row, inner] = torch.arange(n) if pieces else torch.tensor(instance.words)
        if boundaries:
            ids[row, 0], ids[row, n + 1] = SOS, EOS
    query_ids = query_mask = None
    if instances[0].query is not None:
        queries = [vocabulary.ids(i.query or ()) for i in instances]
        query_ids = torch.full((len(instances), max(map(len, queries)) + 2 * edge), PAD)
        for row, query in enumerate(queries):
            framed = [SOS, *query, EOS] if boundaries else query
            query_ids[row, : len(framed)] = torch.tensor(framed)
        query_mask = query_ids != PAD
    return Batch(
        ids=ids,
        mask=ids != PAD,
        words=words,
        labels=torch.tensor([i.label for i in instances]),
        rows=torch.tensor([i.row for i in instances]),
        query_ids=query_ids,
        query_mask=query_mask,
    )


def within_budget(
    lengths: Sequence[int], queries: Sequence[int], budget: int
) -> Iterator[list[int]]:
    """Positions grouped, shortest first, so that no group's padded size exceeds `budget`.

    `lengths` and `queries` are the tokens of each instance's text and query; groups are sorted by
    the text. An instance longer than the budget stands alone. The grouping depends on the lengths
    and the budget only, never on who works on the groups.
    """
    group: list[int] = []
    widest = 0  # query of the group
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        widest = max(widest, queries[i])
        if group and (len(group) + 1) * (lengths[i] + widest) > budget:
            yield group
            group, widest = [], queries[i]
        group.append(i)
    if group:
        yield group
