"""A lower bound of the largest divergence for any readout: greedy sweeps of small moves.

A move goes from the weights at hand towards all weight on one token, of one head or of all, or
towards none on it (the others keep their proportions), as far as the answer stays within epsilon:
the largest step that bisection finds. A sweep makes the move after which the weights diverge most.
The search ends where no move gains. What it finds is feasible, and no maximum: say "at least".

Where a weighted sum of heads is shown, divergence is convex along a move, so that its ends bound
it: a sweep asks for the answers of the most promising moves first, and never for those of moves
that could not beat the best. Of other readings, such as the maximum, the ends are no bound but a
guess: a sweep may pass over a move that is worth more than it seems. Whatever is found is feasible,
and its divergence is that of what is shown.

The texts of a batch are searched side by side: each asks for the answers that it would ask for by
itself, and all of these are one call of the model.

Letters in shape comments: B batch, V variants, N variants of any texts, H heads, T tokens,
R references, K moves.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.models.distances import jsd, tvd
from attnaudit.questions.instance_adversary.make.detached import Detached

Array = NDArray[np.float64]
SWEEPS = 50
GAIN = 1e-4  # a sweep that gains less is the last
HALVINGS = 10  # of the length of a step
MARGIN = 1e-6  # the search keeps off the bound by this: float32 answers differ as much by batch
CELLS = 2**22  # numbers held at once
AT_ONCE = 64  # moves of a text in one call of `read`, where that is more than a product
REST = 1e-6  # a head that has less elsewhere cannot drop a token


def room_for_texts(heads: int, tokens: int) -> int:
    """How many texts are searched at once, at least 1: as many as each gets `AT_ONCE` moves for."""
    return max(1, CELLS // (heads * tokens * max(2 * tokens, AT_ONCE)))


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
    going = torch.ones(len(weights), dtype=torch.bool, device=weights.device)
    for _ in range(SWEEPS):
        weights, gained = search.sweep(weights, going)
        going = going & gained
        if not going.any():
            break
    found = weights.cpu().double()
    normalised: Array = (found / found.sum(-1, keepdim=True)).numpy()
    return normalised


class _Search:
    def __init__(self, detached: Detached, epsilon: float, references: Array) -> None:
        self.detached, self.bound = detached, epsilon - MARGIN
        self.at_once = AT_ONCE if detached.linear is None else CELLS
        alpha = detached.alpha
        heads, tokens = alpha.shape[1:]
        self.references = torch.from_numpy(references).to(alpha)  # (B, R, T)
        self.share = torch.from_numpy(detached.share).to(alpha)  # (B, H, 1), of a weighted sum
        own = torch.from_numpy(detached.own).to(alpha).unsqueeze(1)
        self.answer = detached.read(own).softmax(-1)  # (B, 1, C)
        # The moves: to a token or from it, in each head, then (of several heads) in all of them.
        groups = torch.eye(heads, dtype=torch.bool, device=alpha.device)
        if heads > 1:
            groups = torch.cat([groups, torch.ones_like(groups[:1])])
        kinds = torch.arange(2, device=alpha.device)
        group, kind, token = torch.cartesian_prod(
            torch.arange(len(groups), device=alpha.device),
            kinds,
            torch.arange(tokens, device=alpha.device),
        ).T
        self.heads, self.kind, self.token = groups[group], kind, token  # (K, H), (K,), (K,)
        self.possible = detached.encoded.content[:, token]  # (B, K)

    def value(self, weights: Tensor) -> Tensor:
        """The least divergence (B, V) of weights (B, V, H, T) from the references."""
        return self._apart(self._shown(weights), self.references).amin(-1)

    def sweep(self, weights: Tensor, going: Tensor) -> tuple[Tensor, Tensor]:
        """The weights (B, H, T) after the best move, and which instances it has brought further.

        Only instances that are `going` (B,) move.
        """
        toward = self._toward(weights)
        begin = self._apart(self._shown(weights.unsqueeze(1)), self.references)  # (B, 1, R)
        best, best_value = weights, begin.amin(-1).squeeze(1) + GAIN
        gained = torch.zeros_like(going)
        # Of each move: the longest step known to fit, the shortest that may not, and how far any
        # step between them can lead.
        ends = self._apart(self._ends(weights, toward), self.references)  # (B, K, R)
        reach = torch.maximum(begin, ends).amin(-1)  # (B, K)
        low, high, tries = torch.zeros_like(reach), torch.ones_like(reach), torch.zeros_like(reach)
        reach = reach.masked_fill(~(self.possible & going.unsqueeze(1)), -torch.inf)
        size = max(1, min(self.at_once, CELLS // weights.numel()))
        while True:
            open_ = (reach > best_value.unsqueeze(1)) & (tries <= HALVINGS)
            count = min(size, int(open_.sum(1).max()))
            if count == 0:
                return best, gained
            k = reach.masked_fill(~open_, -torch.inf).topk(count).indices  # (B, V)
            asked, tried = open_.gather(1, k), tries.gather(1, k)
            step = torch.where(tried == 0, 1, (low.gather(1, k) + high.gather(1, k)) / 2)
            rows, places = asked.nonzero().T  # (N,), (N,)
            moved = self._moved(weights, toward, rows, k[rows, places], step[rows, places])
            shown = self.detached.show(moved.unsqueeze(1), rows)  # (N, 1, T)
            found = self._apart(shown, self.references[rows]).squeeze(1)  # (N, R)
            apart = found.new_zeros(*k.shape, found.shape[-1])  # (B, V, R)
            apart[rows, places] = found
            fits = torch.zeros_like(asked)
            fits[rows, places] = self._feasible(moved, asked, rows)

            top, at = apart.amin(-1).masked_fill(~(fits & asked), -torch.inf).max(1)
            better = top > best_value
            number = asked.flatten().cumsum(0).view_as(asked) - 1  # of a variant among the N
            winner = moved[number.gather(1, at.unsqueeze(1)).squeeze(1).clamp_min(0)]
            best = torch.where(better[:, None, None], winner, best)
            best_value, gained = torch.where(better, top, best_value), gained | better

            longer, shorter = fits & asked, ~fits & asked
            low.scatter_(1, k, torch.where(longer, step, low.gather(1, k)))
            high.scatter_(1, k, torch.where(shorter, step, high.gather(1, k)))
            ends = torch.maximum(begin, apart).amin(-1)
            reach.scatter_(1, k, torch.where(shorter, ends, reach.gather(1, k)))
            # Where the whole step will do, there is no more to find.
            tries.scatter_(
                1, k, torch.where(longer & (step == 1), HALVINGS, tried) + asked.to(tried)
            )

    def _shown(self, weights: Tensor) -> Tensor:
        """What an explanation shows of weights (B, V, H, T): (B, V, T)."""
        return self.detached.show(weights)

    def _apart(self, shown: Tensor, references: Tensor) -> Tensor:
        """The divergence of what is shown (B, V, T) from references (B, R, T): (B, V, R)."""
        size = max(1, CELLS // (shown.shape[0] * shown.shape[-1]))
        parts = [
            torch.stack([jsd(part, r.unsqueeze(1)) for r in references.unbind(1)], dim=-1)
            for part in torch.split(shown, size, dim=1)
        ]
        return torch.cat(parts, dim=1)

    def _toward(self, weights: Tensor) -> Tensor:
        """Where each head would end: (B, H, 2, T, T), all weight on a token, or none."""
        token = torch.eye(weights.shape[-1]).to(weights)  # (T, T)
        before = weights.unsqueeze(2)  # (B, H, 1, T)
        others = before * (1 - token)  # (B, H, T, T)
        rest = others.sum(-1, keepdim=True)
        without = torch.where(rest > REST, others / rest.clamp_min(REST), before)
        return torch.stack([token.expand_as(without), without], dim=2)

    def _ends(self, weights: Tensor, toward: Tensor) -> Tensor:
        """What is shown after the whole of each move: (B, K, T)."""
        if not self.detached.is_sum:
            return self._ends_one_by_one(weights, toward)
        changes = self.share[..., None, None] * (toward - weights[:, :, None, None])
        if weights.shape[1] > 1:
            changes = torch.cat([changes, changes.sum(1, keepdim=True)], dim=1)
        return self._shown(weights.unsqueeze(1)) + changes.flatten(1, 3)

    def _ends_one_by_one(self, weights: Tensor, toward: Tensor) -> Tensor:
        """The same for readings that are no sum: each move is made."""
        each = torch.arange(len(weights), device=weights.device)
        size = max(1, CELLS // weights.numel())
        found = []
        for k in torch.split(torch.arange(len(self.kind), device=weights.device), size):
            rows, moves = each.repeat_interleave(len(k)), k.repeat(len(weights))
            whole = torch.ones_like(moves, dtype=weights.dtype)
            moved = self._moved(weights, toward, rows, moves, whole)
            found.append(self._shown(moved.view(len(weights), len(k), *weights.shape[1:])))
        return torch.cat(found, dim=1)

    def _moved(
        self, weights: Tensor, toward: Tensor, rows: Tensor, moves: Tensor, step: Tensor
    ) -> Tensor:
        """The weights (N, H, T) of texts `rows` (N,) after such a step (N,) of the moves (N,)."""
        target = toward[rows, :, self.kind[moves], self.token[moves]]  # (N, H, T)
        part = (step.unsqueeze(-1) * self.heads[moves]).unsqueeze(-1)  # (N, H, 1)
        before = weights[rows]
        # Where a whole step leaves nothing of a weight, subtraction may leave less than nothing.
        return (before + part * (target - before)).clamp_min(0)

    def _feasible(self, moved: Tensor, asked: Tensor, rows: Tensor) -> Tensor:
        """Whether the answers under weights (N, H, T) are near enough the model's: (N,).

        They are those of the variants that are `asked` (B, V), of texts `rows` (N,).
        """
        weights = moved.new_zeros(*asked.shape, *moved.shape[1:])  # (B, V, H, T)
        weights[asked] = moved
        said = self.detached.read(weights, asked).softmax(-1)  # (N, C)
        return tvd(said, self.answer[rows].squeeze(1)) <= self.bound
