"""Leave-one-out: how far the answer moves when a word is deleted.

Letters in shape comments: B batch, V deletions, T tokens, W words, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.interface import AttentionModel, Encoded, capability


@torch.no_grad()
def leave_one_out(model: AttentionModel, batch: Batch, probs: Tensor, budget: int) -> Tensor:
    """TVD(p(x without word w), p(x)) for every word: (B, W), in [0, 1], 0 beyond the last word.

    Token ids are deleted, never text edited; the shorter text is encoded, attended and read anew
    (Jain & Wallace 2019, section 4.1; their |change of p| of a binary model is the same number).
    `probs` (B, C) are the answers to the whole texts. Texts of equal length are worked on
    together, without padding, in calls of at most `budget` tokens where a call can be that small.
    """
    shared = capability(model, "encode_deletions")
    importance = torch.zeros(batch.words.shape[0], int(batch.word_counts.max())).to(probs)
    lengths = batch.mask.sum(1)
    for length in sorted(set(lengths.tolist())):
        rows = (lengths == length).nonzero().squeeze(1)
        step = max(1, budget // length**2)
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            group = batch.select(some)
            tokens, words = group.content.sum(1), group.word_counts
            if shared and bool((words == words[0]).all()) and bool((tokens == words).all()):
                moved = _shared(model, group, probs[some], budget)
            else:
                moved = _one_by_one(model, group, probs[some], budget)
            importance[some, : moved.shape[1]] = moved
    return importance


def _shared(model: AttentionModel, group: Batch, probs: Tensor, budget: int) -> Tensor:
    """Texts of one length whose words are single tokens, through `encode_deletions`."""
    encode = capability(model, "encode_deletions")
    assert encode is not None
    words, length = int(group.word_counts[0]), group.ids.shape[1]
    step = max(1, budget // (len(group) * length))
    moved = []
    for first in range(0, words, step):
        last = min(first + step, words)
        changed = _answers(model, encode(group, first, last))  # (B*V, C)
        changed = changed.view(len(group), last - first, -1)
        moved.append(_tvd(changed, probs.unsqueeze(1)))  # (B, V)
    return torch.cat(moved, dim=1)


def _one_by_one(model: AttentionModel, group: Batch, probs: Tensor, budget: int) -> Tensor:
    """Any texts: every deletion is an instance of its own."""
    counts = group.word_counts
    moved = torch.zeros(len(group), int(counts.max())).to(probs)
    for rows, words in _pairs(counts, max(1, budget // group.ids.shape[1])):
        copies = group.select(rows)
        shorter = copies.keep(copies.words != words.unsqueeze(1))
        moved[rows, words] = _tvd(_answers(model, model.encode(shorter)), probs[rows])
    return moved


def _pairs(counts: Tensor, step: int) -> Iterator[tuple[Tensor, Tensor]]:
    """All (row, word) pairs, at most `step` at a time."""
    rows = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
    words = torch.cat([torch.arange(n, device=counts.device) for n in counts.tolist()])
    for start in range(0, len(rows), step):
        yield rows[start : start + step], words[start : start + step]


def _answers(model: AttentionModel, encoded: Encoded) -> Tensor:
    alpha = model.attend(encoded).unsqueeze(1)
    return model.read(encoded, alpha).squeeze(1).softmax(-1)


def _tvd(p: Tensor, q: Tensor) -> Tensor:
    return (p - q).abs().sum(-1) / 2
