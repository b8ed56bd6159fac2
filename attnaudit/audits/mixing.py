"""A lower bound of the largest divergence for any readout: greedy sweeps of small moves.

A move goes from the weights at hand towards all weight on one token of a head, or towards none on
it (the others keep their proportions), as far as the answer stays within epsilon: the largest step
that bisection finds. A sweep tries both for every token of every head and makes the move after
which the weights diverge most. The search ends where no move gains. What it finds is feasible, and
no maximum: say "at least".

Letters in shape comments: B batch, V variants, H heads, T tokens, R references, K moves.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.audits.detached import Detached

Array = NDArray[np.float64]
SWEEPS = 50
GAIN = 1e-4  # a sweep that gains less is the last
HALVINGS = 10  # of the length of a step
MARGIN = 1e-6  # the search keeps off the bound by this: float32 answers differ as much by batch
CELLS = 2**22  # weights in one call of `read`
REST = 1e-6  # a head that has less elsewhere cannot drop a token


@torch.no_grad()
def mix(detached: Detached, epsilon: float, references: Array, start: Array | None = None) -> Array:
    """Feasible weights (B, H, T) whose least divergence from the references is large.

    Args:
        detached: The batch.
        epsilon: How far the answer may move, in total variation distance.
        references: (B, R, T) distributions over the content, as `Detached.shown` gives them.
        start: (B, H, T) feasible weights to begin with; by default the model's own.

    Returns:
        Weights of which `Detached.logits` gives an answer within epsilon, or the start itself.
    """
    search = _Search(detached, epsilon, references)
    begin = detached.own if start is None else start
    weights = torch.from_numpy(begin).to(detached.alpha)
    value = search.value(weights.unsqueeze(1)).squeeze(1)
    for _ in range(SWEEPS):
        candidate, reached = search.sweep(weights)
        better = reached > value + GAIN
        if not better.any():
            break
        weights = torch.where(better[:, None, None], candidate, weights)
        value = torch.where(better, reached, value)
    found = weights.cpu().double()
    normalised: Array = (found / found.sum(-1, keepdim=True)).numpy()
    return normalised


class _Search:
    def __init__(self, detached: Detached, epsilon: float, references: Array) -> None:
        self.detached, self.bound = detached, epsilon - MARGIN
        alpha = detached.alpha
        heads, tokens = alpha.shape[1:]
        self.references = torch.from_numpy(references).to(alpha)  # (B, R, T)
        self.share = torch.from_numpy(detached.share).to(alpha).unsqueeze(1)  # (B, 1, H, 1)
        own = torch.from_numpy(detached.own).to(alpha).unsqueeze(1)
        self.answer = detached.read(own).softmax(-1)  # (B, 1, C)
        each = torch.eye(heads * tokens).to(alpha).view(-1, heads, tokens)
        self.token = each.repeat(2, 1, 1)  # (K, H, T): the token of each move
        self.adds = (torch.arange(len(self.token)) < len(each)).to(alpha.device)  # else drops
        self.possible = detached.encoded.content.repeat(1, 2 * heads)  # (B, K)

    def value(self, weights: Tensor) -> Tensor:
        """The least divergence (B, V) of weights (B, V, H, T) from the references."""
        shown = (self.share * weights).sum(2)  # (B, V, T)
        return torch.stack([jsd(shown, r.unsqueeze(1)) for r in self.references.unbind(1)]).amin(0)

    def sweep(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Of the weights (B, H, T) after each move the best, and their value."""
        size = max(1, CELLS // weights.numel())
        best, value = weights, weights.new_full((len(weights),), -torch.inf)
        for first in range(0, len(self.token), size):
            moves = slice(first, first + size)
            moved = self._moved(weights.unsqueeze(1), moves)  # (B, K, H, T)
            reached = self.value(moved).masked_fill(~self.possible[:, moves], -torch.inf)
            top, at = reached.max(1)
            winner = moved[torch.arange(len(at), device=at.device), at]
            best = torch.where((top > value)[:, None, None], winner, best)
            value = torch.maximum(top, value)
        return best, value

    def _moved(self, weights: Tensor, moves: slice) -> Tensor:
        """The weights (B, 1, H, T) after each move, at the largest feasible step that is found."""
        direction = self._target(weights, moves) - weights  # (B, K, H, T)

        def feasible(step: Tensor) -> Tensor:
            said = self.detached.read(weights + step * direction).softmax(-1)
            moved = (said - self.answer).abs().sum(-1) / 2  # (B, K)
            return (moved <= self.bound)[:, :, None, None]

        high = torch.ones_like(direction[:, :, :1, :1])
        low = feasible(high).to(weights)  # 1 where the whole step will do
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            fits = feasible(middle)
            low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
        # Where a whole step leaves nothing of a weight, subtraction may leave less than nothing.
        return (weights + low * direction).clamp_min(0)

    def _target(self, weights: Tensor, moves: slice) -> Tensor:
        """Where each move would end: (B, K, H, T)."""
        token = self.token[moves]
        head = token.sum(-1, keepdim=True)  # (K, H, 1): the head that a move changes
        others = weights * (1 - token)
        rest = others.sum(-1, keepdim=True)
        without = torch.where(rest > REST, others / rest.clamp_min(REST), weights)
        with_all = token + weights * (1 - head)
        return torch.where(self.adds[moves][:, None, None], with_all, without)


def jsd(p: Tensor, q: Tensor) -> Tensor:
    """Jensen-Shannon divergence over the last axis, in nats; its gradient is finite at 0 too."""
    total = p + q
    tiny = torch.finfo(total.dtype).tiny

    def entropy(x: Tensor) -> Tensor:
        return -(x * x.clamp_min(tiny).log()).sum(-1)

    # Written out, the logarithms of 2 add up to one half of all weight there is.
    return (math.log(2) * total.sum(-1) + entropy(total) - entropy(p) - entropy(q)) / 2
