"""What the weights of every head are like: how sharp they are, and where they lie.

Letters in shape comments: B batch, L layers, H heads, T tokens.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.interface import AttentionModel, capability

NUMBERS = 1 << 24  # weights of all layers that are held at once


def specials(batch: Batch, framing: Collection[int] | None) -> Tensor:
    """(B, T) true at the tokens that frame texts, such as [CLS] and [SEP].

    `framing` are their ids; None: the vocabulary names none, and what is no content counts.
    """
    if framing is None:
        return batch.mask & ~batch.content
    ids = torch.tensor(sorted(framing), device=batch.ids.device, dtype=batch.ids.dtype)
    return batch.mask & torch.isin(batch.ids, ids)


@torch.no_grad()
def patterns_of(model: AttentionModel, batch: Batch, special: Tensor) -> dict[str, Tensor]:
    """(B, L, H) each, in [0, 1]: means over the rows of the words.

    * `confidence`: the largest weight on a token that frames no text. 1 for a head that looks at
      one token (Voita et al. 2019, section 4, who leave out the end-of-sentence symbol);
    * `entropy`: of the weights, as a share of that of weights spread evenly over the whole text;
    * `special`: the weight on all tokens that frame the text (Kovaleva et al. 2019, section 4.1);
    * `first`: the weight on the first token.
    """
    trace = capability(model, "trace")
    assert trace is not None
    assert model.layer_count is not None
    assert model.head_count is not None
    each = model.layer_count * model.head_count * batch.ids.shape[1] ** 2
    index = torch.arange(len(batch), device=batch.ids.device)
    parts = []
    for rows in torch.split(index, max(1, NUMBERS // each)):
        some = batch.select(rows)
        width = some.ids.shape[1]
        framing = special[rows, :width]
        layers = [_of_layer(layer.alpha, some, framing) for layer in trace(some)]
        parts.append(torch.stack(layers))  # (L, b, 4, H)
    found = torch.cat(parts, dim=1)  # (L, B, 4, H)
    names = ("confidence", "entropy", "special", "first")
    return {name: found[:, :, k].transpose(0, 1) for k, name in enumerate(names)}


def _of_layer(alpha: Tensor, batch: Batch, special: Tensor) -> Tensor:
    """(B, 4, H) the four figures of a layer's weights (B, H, T, T)."""
    rows = batch.content.unsqueeze(1)  # (B, 1, T)
    even = batch.mask.sum(1).to(alpha).log().view(-1, 1, 1)
    figures = (
        alpha.masked_fill(special[:, None, None], 0).amax(-1),
        -torch.xlogy(alpha, alpha).sum(-1) / even,
        (alpha * special[:, None, None]).sum(-1),
        alpha[..., 0],
    )
    count = rows.sum(-1)  # (B, 1)
    means = [(figure * rows).sum(-1) / count for figure in figures]  # (B, H)
    return torch.stack(means, dim=1).clamp(0, 1)
