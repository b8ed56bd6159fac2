"""The passes that leave-one-out takes; what it means stands in `leave_one_out`.

Letters in shape comments: B batch, V deletions, N deletions of any texts, T tokens, W words,
C classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.distances import tvd
from attnaudit.models.interface import AttentionModel, Encoded, capability


@torch.no_grad()
def leave_one_out(
    model: AttentionModel, batch: Batch, probs: Tensor, budget: int, target: Tensor | None = None
) -> Tensor:
    """TVD(p(x without word w), p(x)) for every word: (B, W), in [0, 1], 0 beyond the last word.

    Token ids are deleted, never text edited; the shorter text is encoded, attended and read anew
    (Jain & Wallace 2019, section 4.1; their |change of p| of a binary model is the same number).
    All tokens of a word go together. `probs` (B, C) are the answers to the whole texts. Texts that
    are equally long after the deletion are worked on together, without padding, in calls of at
    most `budget` tokens where a call can be that small. With a `target` class (B,) the numbers
    have a sign: below 0 where that class gets more probable without the word. Where no token is
    left without the word, there is no answer, and the number is NaN.
    """
    importance = _nothing(batch, probs)
    shared = torch.zeros_like(batch.labels, dtype=torch.bool)
    lengths = batch.mask.sum(1)
    if capability(model, "encode_deletions"):
        shared = batch.content.sum(1) == batch.word_counts  # each word is one token
        shared &= lengths > 1
        _share(model, batch, shared, probs, target, budget, importance)
    rows, words = _each_word(batch, ~shared)
    gone = (batch.words[rows] == words.unsqueeze(1)).sum(1)  # (N,) tokens of the word
    left = lengths[rows] - gone
    importance[rows[left == 0], words[left == 0]] = torch.nan
    rows, words, left = rows[left > 0], words[left > 0], left[left > 0]
    for some in _equally_long(left, budget):
        copies = batch.select(rows[some])
        shorter = copies.keep(copies.words != words[some].unsqueeze(1))
        changed = _answers(model, model.encode(shorter))
        importance[rows[some], words[some]] = _moved(changed, probs, target, rows[some])
    return importance


@torch.no_grad()
def leave_one_out_mask(
    model: AttentionModel,
    batch: Batch,
    probs: Tensor,
    budget: int,
    mask_token: int,
    target: Tensor | None = None,
) -> Tensor:
    """TVD(p(x with word w masked), p(x)) for every word: (B, W), in [0, 1], 0 beyond the last word.

    Each token of the word is replaced by `mask_token`, so that no other changes its position. A
    `target` class gives the numbers a sign, as in `leave_one_out`.
    """
    importance = _nothing(batch, probs)
    rows, words = _each_word(batch, torch.ones_like(batch.labels, dtype=torch.bool))
    for some in _equally_long(batch.mask.sum(1)[rows], budget):
        copies = batch.select(rows[some])
        masked = copies.replace(copies.words == words[some].unsqueeze(1), mask_token)
        changed = _answers(model, model.encode(masked))
        importance[rows[some], words[some]] = _moved(changed, probs, target, rows[some])
    return importance


def _moved(changed: Tensor, probs: Tensor, target: Tensor | None, rows: Tensor) -> Tensor:
    """TVD (N,) of the answers `changed` (N, C) to texts of `rows` (N,), signed by the `target`."""
    whole = probs[rows]
    far = tvd(changed, whole)
    if target is None:
        return far
    classes = target[rows].unsqueeze(-1)
    rises = (changed.gather(-1, classes) > whole.gather(-1, classes)).squeeze(-1)
    return torch.where(rises, -far, far)


def _nothing(batch: Batch, probs: Tensor) -> Tensor:
    return torch.zeros(len(batch), int(batch.word_counts.max())).to(probs)  # (B, W)


def _each_word(batch: Batch, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Every (row, word) of the rows that are `chosen` (B,): two (N,)."""
    there = torch.arange(int(batch.word_counts.max()), device=batch.words.device)
    rows, words = (chosen.unsqueeze(1) & (there < batch.word_counts.unsqueeze(1))).nonzero().T
    return rows, words


def _equally_long(lengths: Tensor, budget: int) -> Iterator[Tensor]:
    """The places of equal `lengths` (N,), at most `budget` tokens at a time."""
    for length in sorted(set(lengths.tolist())):
        places = (lengths == length).nonzero().squeeze(1)
        yield from torch.split(places, max(1, budget // length))


def _share(
    model: AttentionModel,
    batch: Batch,
    shared: Tensor,
    probs: Tensor,
    target: Tensor | None,
    budget: int,
    importance: Tensor,
) -> None:
    """Fill in the rows that are `shared` (B,): the deletions of equally long texts at once."""
    lengths = batch.mask.sum(1)
    for length in sorted(set(lengths[shared].tolist())):
        rows = ((lengths == length) & shared).nonzero().squeeze(1)
        for some in torch.split(rows, max(1, budget // length**2)):
            of_class = None if target is None else target[some]
            moved = _deletions(model, batch.select(some), probs[some], of_class, budget)
            importance[some, : moved.shape[1]] = moved


def _deletions(
    model: AttentionModel, group: Batch, probs: Tensor, target: Tensor | None, budget: int
) -> Tensor:
    """(B, W) of texts of one length whose words are single tokens, through `encode_deletions`."""
    encode = capability(model, "encode_deletions")
    assert encode is not None
    words, length = int(group.word_counts[0]), group.ids.shape[1]
    step = max(1, budget // (len(group) * length))
    moved = []
    for first in range(0, words, step):
        last = min(first + step, words)
        changed = _answers(model, encode(group, first, last))  # (B*V, C)
        rows = torch.arange(len(group), device=probs.device).repeat_interleave(last - first)
        moved.append(_moved(changed, probs, target, rows).view(len(group), -1))  # (B, V)
    return torch.cat(moved, dim=1)


def _answers(model: AttentionModel, encoded: Encoded) -> Tensor:
    alpha = model.attend(encoded).unsqueeze(1)
    return model.read(encoded, alpha).squeeze(1).softmax(-1)
