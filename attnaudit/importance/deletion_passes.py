"""The passes that leave-one-out takes; what it means stands in `leave_one_out`.

Letters in shape comments: B batch, V deletions, N deletions of any texts, T tokens, W words,
C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.data.transfer import sent
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
    importance, host = _nothing(batch, probs), batch.host
    shared = torch.zeros_like(host.labels, dtype=torch.bool)
    lengths = host.mask.sum(1)
    if capability(model, "encode_deletions"):
        shared = host.content.sum(1) == host.word_counts  # each word is one token
        shared &= lengths > 1
        _share(model, batch, shared, probs, target, budget, importance)
    rows, words = _each_word(host, ~shared)
    gone = (host.words[rows] == words.unsqueeze(1)).sum(1)  # (N,) tokens of the word
    left = lengths[rows] - gone
    if bool((left == 0).any()):
        importance[tuple(sent(x[left == 0], probs.device) for x in (rows, words))] = torch.nan
    rows, words, left = rows[left > 0], words[left > 0], left[left > 0]

    def shorter(some: Tensor) -> Batch:
        copies = host.select(rows[some])
        return copies.keep(copies.words != words[some].unsqueeze(1))

    groups = _equally_long(left, budget)
    return _each_group(model, shorter, groups, (rows, words), probs, target, importance)


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
    importance, host = _nothing(batch, probs), batch.host
    rows, words = _each_word(host, torch.ones_like(host.labels, dtype=torch.bool))

    def masked(some: Tensor) -> Batch:
        copies = host.select(rows[some])
        return copies.replace(copies.words == words[some].unsqueeze(1), mask_token)

    groups = _equally_long(host.mask.sum(1)[rows], budget)
    return _each_group(model, masked, groups, (rows, words), probs, target, importance)


def _each_group(
    model: AttentionModel,
    edited: Callable[[Tensor], Batch],
    groups: Iterator[Tensor],
    places: tuple[Tensor, Tensor],
    probs: Tensor,
    target: Tensor | None,
    importance: Tensor,
) -> Tensor:
    """`importance` (B, W) with the numbers of N deletions filled in, those of a group at once.

    `places` are the rows and words of the deletions, (N,) each, on the host, where `edited` makes
    the texts of a group. A device goes from one group to the next: the host waits for none of them.
    """
    order, changed = [], []
    for some in groups:
        order.append(some)
        changed.append(_answers(model, model.encode(edited(some).to(probs.device))))
    if order:
        rows, words = (sent(place[torch.cat(order)], probs.device) for place in places)
        importance[rows, words] = _moved(torch.cat(changed), probs, target, rows)
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
    return probs.new_zeros(len(batch), int(batch.host.word_counts.max()))  # (B, W)


def _each_word(host: Batch, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Every (row, word) of the rows that are `chosen` (B,): two (N,)."""
    there = torch.arange(int(host.word_counts.max()))
    rows, words = (chosen.unsqueeze(1) & (there < host.word_counts.unsqueeze(1))).nonzero().T
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
    lengths = batch.host.mask.sum(1)
    for length in sorted(set(lengths[shared].tolist())):
        rows = ((lengths == length) & shared).nonzero().squeeze(1)
        for some in torch.split(rows, max(1, budget // length**2)):
            there = sent(some, probs.device)
            of_class = None if target is None else target[there]
            moved = _deletions(model, batch.select(some), probs[there], of_class, budget)
            importance[there, : moved.shape[1]] = moved


def _deletions(
    model: AttentionModel, group: Batch, probs: Tensor, target: Tensor | None, budget: int
) -> Tensor:
    """(B, W) of texts of one length whose words are single tokens, through `encode_deletions`."""
    encode = capability(model, "encode_deletions")
    assert encode is not None
    words, length = int(group.host.word_counts[0]), group.ids.shape[1]
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
