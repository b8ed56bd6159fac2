"""The search on a rung: as far as possible from the attention shown, while the answer stays.

Gradient projection, from several starts at once, half of which are the best of
many random ones: a step goes up the gradient of the JSD. Where the answer has moved as far as it
may, the part of the gradient that moves it further is left out, and one Newton step on the TVD
leads back. Each step ends with a projection into the ball. Whatever fits on the way counts. From
where a start ends, the way back to the model's own is halved until the answer fits, and some steps
lead to the bound alone. The best is then read once more by itself: if its answer is not within
epsilon, nothing was found. So what is found is feasible, and no maximum: a lower bound.

Letters in shape comments: S starts, H heads, T tokens, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from attnaudit.models.arithmetic import in_float64
from attnaudit.models.distances import jsd, tvd
from attnaudit.questions.ladder.cost import DRAWN, HALVINGS, RETURNS

RATE = 0.3  # the length of the first step, in units of the rung; the last one is near 0
INSIDE = 0.99  # the share of epsilon at which the search turns along the bound
REACH = (0.1, 1.0, 3.0, 10.0)  # how far out starts are, in units of the rung
LONGEST = 4  # times a step uphill: the longest step back
LEAST = 1e-4  # the least attention on words that can be shown
MARGIN = 1e-6  # the search keeps off the bound by this: float32 answers differ as much by batch
SLACK = 1e-9  # how far a TVD may exceed epsilon, by rounding
TINY = 1e-20  # keeps divisions by 0 out
SAME = 1e-9  # attention that diverges by less, in nats, is the same


@dataclass(frozen=True)
class Look:
    """What the model shows and says: `alpha` (S, H, T) and `probs` (S, C)."""

    alpha: Tensor
    probs: Tensor


class Rung(Protocol):
    """What may change. Displacements (S, ...) are 0 for the model itself, about 1 if large."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one displacement."""

    def project(self, moved: Tensor) -> Tensor:
        """The nearest displacements that are allowed."""

    def look(self, moved: Tensor) -> Look:
        """The model under displacements; gradients flow."""


@dataclass(frozen=True)
class Goal:
    """`base` (T,) is the attention shown, which sums to 1, and `own` (C,) the answer.

    `show` makes of weights (S, H, T) what is shown of them, (S, T), before it is divided by its
    sum. Where that is less than `LEAST`, nothing can be shown.
    """

    base: Tensor
    own: Tensor
    show: Callable[[Tensor], Tensor]
    epsilon: float

    def far(self, look: Look, exact: bool = False) -> Tensor:
        """(S,) JSD of what would be shown to the attention shown; `exact` for float64."""
        shown = self.show(look.alpha)
        shown = in_float64(shown) if exact else shown
        shown = shown / shown.sum(-1, keepdim=True).clamp_min(LEAST)
        divergence: Tensor = jsd(shown, self.base.to(shown))
        return divergence

    def moved(self, look: Look) -> Tensor:
        """(S,) TVD of the answers to the model's own."""
        return tvd(look.probs, self.own)

    def fits(self, look: Look, bound: float) -> Tensor:
        """(S,) whether the answer moves by at most `bound`, and there is something to show."""
        return (self.moved(look) <= bound) & (self.show(look.alpha).sum(-1) >= LEAST)


@dataclass(frozen=True)
class Found:
    """An alternative that keeps the answer; `alpha` (H, T) are its weights."""

    alpha: Tensor
    jsd: float
    tvd: float


def climb(
    rung: Rung, goal: Goal, starts: int, steps: int, generator: np.random.Generator
) -> Found | None:
    """The farthest alternative that the search finds; None where it finds none."""
    best = _Best(goal)
    moved = _starts(rung, best, starts, generator)
    for step in range(steps):
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            leaf = moved.requires_grad_()
            look = rung.look(leaf)
            tvds = goal.moved(look)
            uphill = _slope(goal.far(look), leaf, keep=True)
            away = _slope(tvds, leaf)
        with torch.no_grad():
            best.add(leaf, look)
            moved = leaf.detach()
            rate = RATE * (1 - step / steps) * _size(rung.shape)
            over = tvds - INSIDE * goal.epsilon  # (S,)
            moved = rung.project(moved + _step(uphill, away, over, rate))
    with torch.no_grad():
        _go_back(rung, best, moved)
    _lead_back(rung, best, moved)
    with torch.no_grad():
        return _checked(rung, goal, best.moved)


@torch.no_grad()
def _starts(rung: Rung, best: _Best, starts: int, generator: np.random.Generator) -> Tensor:
    """Displacements (S, ...) to start from, of `DRAWN` times as many.

    Half of them as they come; the others are the farthest that keep the answer.
    """
    drawn = begin(rung.shape, DRAWN * starts, generator).to(best.goal.base)
    drawn, half = rung.project(drawn), starts // 2
    far = torch.cat([best.add(part, rung.look(part)) for part in torch.split(drawn, starts)])
    order = far[half:].argsort(descending=True, stable=True)[: starts - half]
    return torch.cat([drawn[:half], drawn[half:][order]])


def _slope(values: Tensor, leaf: Tensor, keep: bool = False) -> Tensor:
    """The gradient of each value (S,) in its own displacement (S, ...); 0 where there is none."""
    if not values.requires_grad:  # the attention is the same whatever there is, as if uniform
        return torch.zeros_like(leaf)
    (slope,) = torch.autograd.grad(values.sum(), leaf, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(leaf) if slope is None else slope.nan_to_num()


def _size(shape: tuple[int, ...]) -> float:
    """The length of a displacement that is one unit in each of its vectors."""
    return math.sqrt(math.prod(shape[:-1]))


def _step(uphill: Tensor, away: Tensor, over: Tensor, rate: float) -> Tensor:
    """A step (S, ...) of length `rate` uphill, and back to the bound where the answer is `over` it.

    Near the bound, the part of the way up that moves the answer further is left out.
    """
    shape = uphill.shape
    up, out = uphill.flatten(1), away.flatten(1)  # (S, N)
    square = out.square().sum(1).clamp_min(TINY)
    along = (up * out).sum(1) / square
    along = torch.where(over > 0, along, 0).clamp_min(0)
    up = up - along.unsqueeze(1) * out
    up = up / up.norm(dim=1, keepdim=True).clamp_min(TINY)
    back = (over.relu() / square).unsqueeze(1) * out
    back = back * (LONGEST * rate / back.norm(dim=1, keepdim=True).clamp_min(TINY)).clamp_max(1)
    step: Tensor = (rate * up - back).view(shape)
    return step


def begin(shape: tuple[int, ...], starts: int, generator: np.random.Generator) -> Tensor:
    """Displacements (S, ...) to start from: in random directions, from near 0 to far out.

    The second half of them go in the opposite directions of the first half.
    """
    half = -(-starts // 2)
    noise = generator.standard_normal((half, *shape))
    noise /= np.maximum(np.linalg.norm(noise, axis=-1, keepdims=True), TINY)
    noise *= np.resize(REACH, half).reshape(-1, *[1] * len(shape))
    return torch.from_numpy(np.concatenate([noise, -noise])[:starts])


class _Best:
    """The farthest displacement so far that keeps the answer."""

    def __init__(self, goal: Goal) -> None:
        self.goal, self.far = goal, SAME
        self.moved: Tensor | None = None

    def add(self, moved: Tensor, look: Look) -> Tensor:
        """Take in displacements (S, ...).

        Gives the JSD (S,) of each, or -inf where it does not keep the answer.
        """
        fits = self.goal.fits(look, self.goal.epsilon - MARGIN)
        values = self.goal.far(look).detach().masked_fill(~fits, -torch.inf)
        value, at = values.max(0)
        if float(value) > self.far:
            self.far, self.moved = float(value), moved.detach()[at].clone()
        return values


def _go_back(rung: Rung, best: _Best, ends: Tensor) -> None:
    """Look on the straight way from `ends` (S, ...) to the model's own, as far out as fits."""
    low, high = ends.new_zeros(len(ends)), ends.new_ones(len(ends))
    share = high
    for _ in range(HALVINGS):
        moved = share.view(-1, *[1] * (ends.ndim - 1)) * ends
        fits = best.add(moved, rung.look(moved)).isfinite()
        low, high = torch.where(fits, share, low), torch.where(fits, high, share)
        share = (low + high) / 2


def _lead_back(rung: Rung, best: _Best, ends: Tensor) -> None:
    """Look on the shortest way from `ends` (S, ...) to the bound, by Newton's steps on the TVD.

    In a ball, where the projection undoes a part of each step back, the search may end far over the
    bound, and what fits on the straight way to the model's own is next to nothing.
    """
    goal, moved = best.goal, ends
    for _ in range(RETURNS):
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            leaf = moved.requires_grad_()
            look = rung.look(leaf)
            tvds = goal.moved(look)
            away = _slope(tvds, leaf)
        with torch.no_grad():
            best.add(leaf, look)
            over = tvds - INSIDE * goal.epsilon
            still = torch.zeros_like(away)  # no way up
            moved = rung.project(leaf.detach() + _step(still, away, over, RATE * _size(rung.shape)))
    with torch.no_grad():
        best.add(moved, rung.look(moved))


def _checked(rung: Rung, goal: Goal, moved: Tensor | None) -> Found | None:
    """The displacement, read by itself; None where its answer has moved too far."""
    if moved is None:
        return None
    look = rung.look(moved.unsqueeze(0))
    far = float(goal.far(look, exact=True))
    if far <= SAME or not bool(goal.fits(look, goal.epsilon + SLACK)):
        return None
    return Found(look.alpha[0], far, float(goal.moved(look)))
