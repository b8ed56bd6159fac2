"""Other attention weights for the same texts, and what the model answers under them.

Every intervention of the audits is made here: rules about mass outside the content, about
renormalisation and about weights that nothing is left of hold for all of them. Weights are
(B, V, H, T); audits change content entries only, and the rest of the mass stays where it was.

Letters in shape comments: B batch, V variants, H heads, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from attnaudit.execution.seeds import generator_for
from attnaudit.models.interface import AttentionModel, Encoded, capability


def answers(model: AttentionModel, encoded: Encoded, alpha: Tensor) -> Tensor:
    """Class probabilities (B, V, C) under the weights `alpha` (B, V, H, T).

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
    content: Tensor,
    count: int,
    ids: Sequence[str],
    seed: int,
    per_head: bool = False,
) -> Tensor:
    """`count` random permutations of the content weights: (B, V, H, T).

    `alpha` (B, H, T), `content` (B, T). All heads are permuted alike, so that they go on agreeing,
    or, `per_head`, each on its own. The permutations of an instance depend on its id and the seed,
    whatever batch it is in (Jain & Wallace 2019, section 4.2.1, for one head).
    """
    heads = alpha.shape[1]
    order = _orders(content, count, heads if per_head else 1, ids, seed)
    order = order.to(alpha.device).expand(-1, -1, heads, -1)
    # Content first, then what stays where it is; and back in the end.
    layout = (~content).to(torch.int8).argsort(dim=1, stable=True)
    layout = layout.unsqueeze(1).expand(-1, heads, -1)  # (B, H, T)
    front = alpha.gather(2, layout).unsqueeze(1).expand(-1, count, -1, -1).gather(3, order)
    places = layout.unsqueeze(1).expand(-1, count, -1, -1)
    return torch.empty_like(front).scatter_(3, places, front)  # (B, V, H, T)


def _orders(content: Tensor, count: int, drawn: int, ids: Sequence[str], seed: int) -> Tensor:
    """Random orders of each text's first places, as many as its content has: (B, V, drawn, T).

    Places behind them stay. A place goes where a random number puts it: its own number stands in
    the lowest bits of that, so that sorting numbers sorts places.
    """
    tokens = content.shape[1]
    low = np.uint64((1 << tokens.bit_length()) - 1)
    keys = np.full((len(content), count, drawn, tokens), np.iinfo(np.uint64).max)
    for numbers, n, name in zip(keys, content.sum(1).tolist(), ids, strict=True):
        drawn_at_once = generator_for(name, seed).bit_generator.random_raw(count * drawn * n)
        numbers[..., :n] = drawn_at_once.reshape(count, drawn, n)
    keys &= ~low  # all in place: there are many of them
    keys |= np.arange(tokens, dtype=np.uint64)
    keys.sort(axis=-1)
    keys &= low
    return torch.from_numpy(keys.view(np.int64))


def erased(alpha: Tensor, content: Tensor, gone: Tensor) -> Tensor:
    """The weights without the content entries that `gone` names: (B, V, H, T).

    `alpha` (B, H, T), `content` (B, T), `gone` (B, V, T). Erased entries are 0, and those that
    remain are scaled up, head by head, until the content has the mass it had (Serrano & Smith 2019,
    section 3). Where nothing remains, neither entries nor weight on them, all content weights
    are 0: the model reads what lies outside the content, with the mass it had there, and its bias.
    All heads lose the same entries. `erased(alpha, content, content.unsqueeze(1))` erases all: a
    model that answers the same then does not use the audited attention for the text at all.
    """
    content = content.unsqueeze(1)  # (B, 1, T)
    kept = alpha.unsqueeze(1) * (content & ~gone).unsqueeze(2)  # (B, V, H, T)
    left = kept.sum(-1, keepdim=True)
    # A sum of the mass in the same order, so that erasing weights of 0 changes not even a bit.
    mass = (alpha * content).unsqueeze(1).sum(-1, keepdim=True)  # (B, 1, H, 1)
    least = torch.finfo(alpha.dtype).tiny  # below it, the quotient would overflow
    scale = torch.where(left < least, 0.0, mass / left.clamp_min(least))
    return kept * scale + (alpha * ~content).unsqueeze(1)


def zeroed(alpha: Tensor, content: Tensor, gone: Tensor) -> Tensor:
    """The weights with 0 in the content entries that `gone` names, and no other change.

    `alpha` (B, H, T), `content` (B, T), `gone` (B, V, T); gives (B, V, H, T). What remains is not
    scaled up, unlike in `erased`: other words would speak louder for that, and the answer could
    move for what they say. All heads lose the same entries.
    """
    kept = ~(content.unsqueeze(1) & gone)  # (B, V, T)
    return alpha.unsqueeze(1) * kept.unsqueeze(2)
