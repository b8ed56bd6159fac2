"""Attentions of the classic models: states (B, T, M) to unnormalised scores (B, T).

Jain & Wallace 2019, section 3; with a query, scores depend on its vector Q (B, M) as well. `keys`
gives what the scores are products of: keys (B, T, K), and the vector (B, K) that each is multiplied
with, which is learned where there is no Q. `linear` and `scores` are the two parts of an attention:
a map of each state alone, and what the scores are of the (..., B, K) that it gives.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.models.arithmetic import product, tanh_


class Additive(nn.Module):
    """v . tanh(W1 h + W2 Q + b), inner size M/2 (Bahdanau et al. 2015); no W2 without a query."""

    def __init__(self, width: int, paired: bool) -> None:
        super().__init__()
        self.states = nn.Linear(width, width // 2)
        self.query = nn.Linear(width, width // 2, bias=False) if paired else None
        self.score = nn.Linear(width // 2, 1, bias=False)

    @override
    def forward(self, states: Tensor, query: Tensor | None) -> Tensor:
        return self._scores(self._inner(states, query))

    def linear(self) -> tuple[Tensor, Tensor]:
        """See the module: weight (K, M) and bias (K,)."""
        return self.states.weight, self.states.bias

    def scores(self, seen: Tensor, query: Tensor | None) -> Tensor:
        """See the module; `seen` (..., B, K) may be used up."""
        if self.query is not None and query is not None:
            seen = seen + self.query(query)
        return self._scores(seen.flatten(0, -2)).view(seen.shape[:-1])

    def _scores(self, inner: Tensor) -> Tensor:
        graph = torch.is_grad_enabled()
        scores: Tensor = self.score(inner.tanh() if graph else tanh_(inner)).squeeze(-1)
        return scores

    def keys(self, states: Tensor, query: Tensor | None) -> tuple[Tensor, Tensor]:
        """See the module. Q is in the keys, and v is what they are multiplied with."""
        vector: Tensor = self.score.weight.expand(len(states), -1)
        return self._inner(states, query).tanh(), vector

    def _inner(self, states: Tensor, query: Tensor | None) -> Tensor:
        """(B, T, M/2) what v.tanh is taken of."""
        inner = (self.states if torch.is_grad_enabled() else self._states)(states)
        if self.query is not None and query is not None:
            inner = inner + self.query(query).unsqueeze(1)
        return inner

    def _states(self, states: Tensor) -> Tensor:
        return product(states.flatten(0, 1), self.states.weight, self.states.bias).view(
            *states.shape[:2], -1
        )


class ScaledDot(nn.Module):
    """h . Q / sqrt(M); without a query, Q is a learned vector."""

    def __init__(self, width: int, paired: bool) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(width)
        self.query = None if paired else nn.Linear(width, 1, bias=False)

    @override
    def forward(self, states: Tensor, query: Tensor | None) -> Tensor:
        if self.query is None:
            assert query is not None  # a paired model always has one
            return torch.einsum("btm,bm->bt", states, query) * self.scale
        scores: Tensor = self.query(states).squeeze(-1) * self.scale
        return scores

    def linear(self) -> tuple[Tensor, Tensor]:
        """See the module; with a query, the states themselves."""
        if self.query is None:
            weight = torch.eye(round(1 / self.scale**2))
            return weight, weight.new_zeros(len(weight))
        weight = self.query.weight * self.scale
        return weight, weight.new_zeros(len(weight))

    def scores(self, seen: Tensor, query: Tensor | None) -> Tensor:
        """See the module."""
        if self.query is not None:
            return seen.squeeze(-1)
        assert query is not None
        return torch.einsum("...bm,bm->...b", seen, query) * self.scale

    def keys(self, states: Tensor, query: Tensor | None) -> tuple[Tensor, Tensor]:
        """See the module."""
        if self.query is not None:
            query = self.query.weight.expand(len(states), -1)
        assert query is not None
        return states * self.scale, query


class Uniform(nn.Module):
    """The same score everywhere, not learned: the frozen-uniform model of W&P 2019, section 3.2."""

    def __init__(self, width: int, paired: bool) -> None:
        super().__init__()
        self.width = width

    @override
    def forward(self, states: Tensor, query: Tensor | None) -> Tensor:
        return states.new_zeros(states.shape[:2])

    def linear(self) -> tuple[Tensor, Tensor]:
        """See the module: nothing is needed of the states."""
        return torch.zeros(0, self.width), torch.zeros(0)

    def scores(self, seen: Tensor, query: Tensor | None) -> Tensor:
        """See the module."""
        return seen.new_zeros(seen.shape[:-1])

    def keys(self, states: Tensor, query: Tensor | None) -> None:
        """See the module: there are none."""


ATTENTIONS: dict[str, type[Additive] | type[ScaledDot] | type[Uniform]] = {
    "additive": Additive,
    "dot": ScaledDot,
    "uniform": Uniform,
}
