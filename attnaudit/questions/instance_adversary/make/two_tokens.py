"""Where to begin a search for other weights: two tokens share all weight, in every head alike.

Where a readout is linear and there are two classes, the farthest feasible weights are of this kind
(`largest_jsd`). For any readout they are a good start: on each pair of tokens that pull the answer
either way, some mixture leaves it where it was.

Letters in shape comments: B batch, V pairs, H heads, T tokens, C classes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.models.distances import log_odds, tvd
from attnaudit.questions.instance_adversary.make.detached import Detached

Array = NDArray[np.float64]
PAIRS = 16  # those that promise most are looked at closely
HALVINGS = 12  # of the interval that a pair's mixture is sought in
MARGIN = 1e-6  # as in `mixing`


@torch.no_grad()
def two_tokens(detached: Detached, epsilon: float) -> Array:
    """Feasible weights (B, H, T) far from the model's own; these where no such mixture is found.

    The mixture of a pair is guessed as if log-odds were linear in the weights, which ranks the
    pairs by divergence; of the first ones it is found by bisection.
    """
    own = torch.from_numpy(detached.own).to(detached.alpha)
    base = torch.from_numpy(detached.shown(detached.own[:, None])[:, 0]).to(own)  # (B, T)
    logits = detached.read(own.unsqueeze(1))  # (B, 1, C)
    answer, predicted = logits.softmax(-1), logits.argmax(-1)  # (B, 1, C), (B, 1)
    tokens = base.shape[1]
    each = torch.eye(tokens).to(own)
    alone = log_odds(_read(detached, each.expand(len(own), -1, -1)), predicted)
    pull = alone - log_odds(logits, predicted)  # (B, T): towards the predicted class or from it

    first, second, share, pairs = _promising(base, pull, detached.encoded.content)  # (B, V)
    low, high = torch.zeros_like(share), torch.ones_like(share)
    for _ in range(HALVINGS):
        said = _read(detached, _mixed(each, first, second, share))
        above = log_odds(said, predicted) > log_odds(logits, predicted)
        low, high = torch.where(above, low, share), torch.where(above, share, high)
        share = (low + high) / 2
    mixed = _mixed(each, first, second, share)  # (B, V, T)
    moved = tvd(_read(detached, mixed).softmax(-1), answer)  # (B, V)
    fits = pairs & (moved <= epsilon - MARGIN)
    value, at = _divergence(base, first, second, share).masked_fill(~fits, -1).max(1)
    best = mixed[torch.arange(len(at), device=at.device), at].unsqueeze(1)  # (B, 1, T)
    found: Array = torch.where((value > 0)[:, None, None], best, own).cpu().double().numpy()
    return found


def _promising(
    base: Tensor, pull: Tensor, content: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A token that pulls up, one that does not, the first one's share, and whether so: (B, V)."""
    tokens = base.shape[1]
    pairs = (content & (pull > 0)).unsqueeze(2) & (content & (pull <= 0)).unsqueeze(1)
    ahead, behind = pull.unsqueeze(2), pull.unsqueeze(1)
    share = (-behind / (ahead - behind)).where(pairs, 0.5)  # (B, T, T)
    places = torch.arange(tokens, device=base.device)
    first, second = torch.meshgrid(places, places, indexing="ij")
    flat = (len(base), tokens * tokens)
    apart = _divergence(
        base, first.flatten().expand(flat), second.flatten().expand(flat), share.flatten(1)
    )
    apart = apart.masked_fill(~pairs.flatten(1), -torch.inf)
    value, at = apart.topk(min(PAIRS, flat[1]))
    return at // tokens, at % tokens, share.flatten(1).gather(1, at), value > 0


def _divergence(base: Tensor, first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """JSD (B, V) of `base` (B, T) and mixtures: only the two tokens of each enter it."""

    def entropy(x: Tensor) -> Tensor:
        return -torch.xlogy(x, x)

    total = torch.full_like(share, 2 * math.log(2))
    for token, part in ((first, share), (second, 1 - share)):
        weight = base.gather(1, token)
        total = total + entropy(weight + part) - entropy(weight) - entropy(part)
    return total / 2


def _mixed(each: Tensor, first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """Weights (B, V, T) of which each first token has its share, and the second one the rest."""
    share = share.unsqueeze(-1)
    return share * each[first] + (1 - share) * each[second]


def _read(detached: Detached, shared: Tensor) -> Tensor:
    """Logits (B, V, C) under weights (B, V, T) of all heads."""
    heads = detached.alpha.shape[1]
    return detached.read(shared.unsqueeze(2).expand(-1, -1, heads, -1))
