"""Other attention weights for the same texts, and what the model answers under them.

Every intervention of the audits is made here: rules about mass outside the content, about
renormalisation and about weights that nothing is left of hold for all of them. Weights are
(B, V, H, T); audits change content entries only, and the rest of the mass stays where it was.

Where many rows are audited, weights are (B, V, H, Q, T), and an intervention acts on all rows that
count alike, each within what it reaches: the shuffled weights of all rows go to the same words,
erased words lose their weight in every row, and what a row has left is scaled up in that row. The
`entries` that are changed are (B, T), or (B, Q, T) row by row: see `Encoded.entries`.

Letters in shape comments: B batch, V variants, H heads, Q rows, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from attnaudit.data.transfer import sent
from attnaudit.execution.seeds import generator_for
from attnaudit.models.interface import AttentionModel, Encoded, capability

CELLS = 512  # weights held at once, for each token of the budget: 8 MiB in float32 by default


def room_for(alpha: Tensor, budget: int) -> int:
    """How many variants of the weights `alpha` are made at once, at least 1.

    `budget` is how many tokens a call may take.
    """
    return max(1, CELLS * budget // alpha.numel())


def answers(model: AttentionModel, encoded: Encoded, alpha: Tensor) -> Tensor:
    """Class probabilities (B, V, C) under the weights `alpha` (B, V, H, T), or (B, V, H, Q, T).

    A linear readout (of one head) is collapsed to one logit per token and class first, which makes
    a variant cost T * C instead of a whole readout.
    """
    if token_logits := capability(model, "token_logits"):
        per_token, bias = token_logits(encoded)
        logits = alpha.squeeze(2) @ per_token + bias  # (B, V, C)
    else:
        logits = model.read(encoded, alpha)
    # A softmax over a last axis of a few classes is twenty times as slow as one over the first.
    probs: Tensor = logits.movedim(-1, 0).softmax(0).movedim(0, -1)
    return probs


def permuted(
    alpha: Tensor,
    entries: Tensor,
    count: int,
    ids: Sequence[str],
    seed: int,
    per_head: bool = False,
) -> Tensor:
    """`count` random permutations of the content weights: (B, V, H, T), or (B, V, H, Q, T).

    `alpha` (B, H, T) with `entries` (B, T), or (B, H, Q, T) with (B, Q, T); see `shuffles` and
    `in_order`.
    """
    heads = alpha.shape[1] if per_head else 1
    return in_order(alpha, entries, shuffles(entries, count, ids, seed, heads))


def shuffles(entries: Tensor, count: int, ids: Sequence[str], seed: int, heads: int = 1) -> Tensor:
    """The positions of each text in random orders, content first: (B, V, heads, T).

    One head stands for all heads: they are permuted alike, so that they go on agreeing. The
    permutations of an instance depend on its id and the seed, whatever batch it is in (Jain &
    Wallace 2019, section 4.2.1, for one head).
    """
    content = entries if entries.ndim == 2 else entries.any(1)  # (B, T)
    order = _orders(content.sum(1), content.shape[1], count, heads, ids, seed)
    return _content_first(content)[:, None, None].expand_as(order).gather(3, order)


def in_order(alpha: Tensor, entries: Tensor, shuffled: Tensor) -> Tensor:
    """The content weights put elsewhere: (B, V, H, T), or (B, V, H, Q, T).

    The first content position gets the weight of the first position of `shuffled` (B, V, 1 or H,
    T), and so on. Rows are permuted alike. One that reaches part of the content only takes part
    with that: the positions that it reaches, in the same order.
    """
    if alpha.ndim == 4:
        if bool((entries.any(1, keepdim=True) & entries.any(2, keepdim=True) <= entries).all()):
            entries = entries.any(1, keepdim=True)  # (B, 1, T): all rows that count are alike
        entries, shuffled = entries[:, None, None], shuffled.unsqueeze(3)
    else:
        entries = entries[:, None, None]
    places = _content_first(entries)  # (B, 1, 1, [Q or 1,] T)
    shape = [max(sizes) for sizes in zip(places.shape, shuffled.shape, strict=True)]
    if alpha.ndim == 4 and shape[3] > 1:
        # Of each row, the shuffled positions that it reaches first, and the rest where it was.
        there = entries.expand(shape).gather(-1, shuffled.expand(shape))
        ranked = shuffled.expand(shape).gather(-1, _content_first(there))
        behind = torch.arange(shape[-1], device=alpha.device) >= entries.sum(-1, keepdim=True)
        shuffled = torch.where(behind, places, ranked)
    taken = torch.empty(shape, dtype=torch.int64, device=alpha.device)
    taken.scatter_(-1, places.expand(shape), shuffled.expand(shape))
    each = alpha.unsqueeze(1).expand(-1, shape[1], *alpha.shape[1:])
    return each.gather(-1, taken.expand_as(each))


def _content_first(content: Tensor) -> Tensor:
    """Positions along the last axis: those of the content in their order, then the others."""
    return (~content).to(torch.int8).argsort(dim=-1, stable=True)


def _orders(
    sizes: Tensor, tokens: int, count: int, drawn: int, ids: Sequence[str], seed: int
) -> Tensor:
    """Random orders of each text's first places, as many as its content has: (B, V, drawn, T).

    `sizes` (B,) of the content. Places behind it stay. A place goes where a random number puts it:
    its own number stands in the lowest bits of that, so that sorting numbers sorts places. Numbers
    are drawn on the host, so that they are the same for every device, and sorted where `sizes` lie.
    """
    low = np.uint64((1 << tokens.bit_length()) - 1)
    keys = np.full((len(sizes), count, drawn, tokens), np.iinfo(np.uint64).max)
    for numbers, n, name in zip(keys, sizes.tolist(), ids, strict=True):
        drawn_at_once = generator_for(name, seed).bit_generator.random_raw(count * drawn * n)
        numbers[..., :n] = drawn_at_once.reshape(count, drawn, n)
    keys &= ~low  # all in place: there are many of them
    keys |= np.arange(tokens, dtype=np.uint64)
    if sizes.device.type == "cpu":  # numpy sorts many short rows faster than torch
        keys.sort(axis=-1)
        keys &= low
        return torch.from_numpy(keys.view(np.int64))
    keys ^= np.uint64(1 << 63)  # the order of signed numbers, which torch sorts by
    there = sent(torch.from_numpy(keys.view(np.int64)), sizes.device)
    return there.sort(dim=-1).values & int(low)


def erased(alpha: Tensor, entries: Tensor, gone: Tensor) -> Tensor:
    """The weights without the entries that `gone` names: (B, V, H, T), or (B, V, H, Q, T).

    `alpha` (B, H, T) with `entries` (B, T), or (B, H, Q, T) with (B, Q, T); `gone` (B, V, T).
    Erased entries are 0, and those that remain are scaled up, head by head and row by row, until
    the content has the mass it had (Serrano & Smith 2019, section 3). Where nothing remains,
    neither entries nor weight on them, all content weights are 0: the model reads what lies outside
    the content, with the mass it had there, and its bias. All heads and rows lose the same words.
    `erased(alpha, content, content.unsqueeze(1))` erases all: a model that answers the same then
    does not use the audited attention for the text at all.
    """
    entries, gone = _by_variant(alpha, entries, gone)
    weights = alpha.unsqueeze(1)
    kept = weights * (entries & ~gone)  # (B, V, H, [Q,] T)
    left = kept.sum(-1, keepdim=True)
    # A sum of the mass in the same order, so that erasing weights of 0 changes not even a bit.
    mass = (weights * entries).sum(-1, keepdim=True)  # (B, 1, H, [Q,] 1)
    least = torch.finfo(alpha.dtype).tiny  # below it, the quotient would overflow
    scale = torch.where(left < least, 0.0, mass / left.clamp_min(least))
    return kept * scale + weights * ~entries


def zeroed(alpha: Tensor, entries: Tensor, gone: Tensor) -> Tensor:
    """The weights with 0 in the entries that `gone` names, and no other change.

    Shapes are those of `erased`. What remains is not scaled up, unlike there: other words would
    speak louder for that, and the answer could move for what they say. All heads and rows lose the
    same words.
    """
    entries, gone = _by_variant(alpha, entries, gone)
    return alpha.unsqueeze(1) * ~(entries & gone)


def _by_variant(alpha: Tensor, entries: Tensor, gone: Tensor) -> tuple[Tensor, Tensor]:
    """Entries (B, 1, 1, [Q,] T) and `gone` (B, V, 1, [1,] T), to go with weights of variants."""
    gone = gone.unsqueeze(2)
    return entries[:, None, None], gone.unsqueeze(3) if alpha.ndim == 4 else gone


def summed(weights: Tensor) -> Tensor:
    """Weights, or what is as many, summed over heads and rows: (B, T)."""
    return weights.flatten(1, -2).sum(1)
