"""A batch whose attention is replaced at will, with everything below it held as it was.

Weights here are distributions over the content: (B, V, H, T), each head's summing to 1 and 0
elsewhere. What the model's own attention puts outside the content stays where it was, and so does
each head's mass on the content. `Detached.shown` is what an explanation would show of them: the
reading of the heads as the model weighs them, by their mass on the content, renormalised over the
content. Divergences between weights, and the largest that can be attained, are taken on it,
position by position. Of one head all readings are the same.

Letters in shape comments: B batch, V variants, H heads, T tokens, C classes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.models.interface import AttentionModel, Encoded, capability
from attnaudit.questions.answers import Answered
from attnaudit.readings.heads import MEAN
from attnaudit.readings.reading import Reading

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """A linear readout, float64: `tokens` (B, T, C), the logits with all weight on one token.

    Under weights q (of one head) the model answers `q @ tokens`; what lies outside the content and
    the bias are part of every token's logits, as the weights sum to 1.
    """

    tokens: Array


@dataclass(frozen=True)
class Detached:
    """The model, what it encoded, its own attention `alpha` (B, H, T), and how that is shown."""

    model: AttentionModel
    encoded: Encoded
    alpha: Tensor
    reading: Reading = MEAN

    @classmethod
    def of(cls, model: AttentionModel, known: Answered, reading: Reading = MEAN) -> Detached:
        """What `model` answered, ready for other weights."""
        return cls(model, known.encoded, known.alpha, reading)

    @functools.cached_property
    def content(self) -> NDArray[np.bool_]:
        """(B, T) where weight may move to."""
        found: NDArray[np.bool_] = self.encoded.content.cpu().numpy()
        return found

    @functools.cached_property
    def mass(self) -> Array:
        """(B, H, 1) each head's weight on the content."""
        inside: Array = np.where(self.content[:, None], _float64(self.alpha), 0.0)
        total: Array = inside.sum(-1, keepdims=True)
        return total

    @functools.cached_property
    def own(self) -> Array:
        """(B, H, T) the model's own weights; uniform in a head that puts none on the content."""
        inside = np.where(self.content[:, None], _float64(self.alpha), 0.0)
        even = np.broadcast_to(self.content[:, None], inside.shape)
        inside = np.where(self.mass > 0, inside, even)
        own: Array = inside / inside.sum(-1, keepdims=True)
        return own

    @functools.cached_property
    def linear(self) -> Linear | None:
        """The readout where it is linear, else None."""
        token_logits = capability(self.model, "token_logits")
        if token_logits is None:
            return None
        tokens, bias = (_float64(x) for x in token_logits(self.encoded))
        alpha = _float64(self.alpha)[:, 0]  # (B, T): a linear readout has one head
        outside = np.where(self.content, 0.0, alpha)[:, None] @ tokens  # (B, 1, C)
        return Linear(self.mass * tokens + outside + bias)

    @functools.cached_property
    def share(self) -> Array:
        """(B, H, 1) how much each head counts in what is shown: its part of the heads' mass.

        Where no head that is shown has any mass on the content, they count alike.
        """
        heads = self.mass.shape[1]
        parts = np.array(self._parts or [1.0] * heads)[:, None]  # (H, 1)
        mass = parts * self.mass
        blind = mass.sum(1, keepdims=True) == 0  # (B, 1, 1)
        mass = np.where(blind, parts, mass)
        share: Array = mass / mass.sum(1, keepdims=True)
        return share

    @functools.cached_property
    def is_sum(self) -> bool:
        """Whether what is shown is a weighted sum of the heads, and so linear in the weights."""
        return self._parts is not None

    @functools.cached_property
    def _parts(self) -> list[float] | None:
        heads = self.alpha.shape[1]
        if heads == 1:
            return [1.0]
        return self.reading.parts(heads) if self.reading.parts else None

    def shown(self, weights: Array) -> Array:
        """What an explanation shows of weights (B, V, H, T): (B, V, T), which sum to 1."""
        if self.is_sum:
            shown: Array = (self.share[:, None] * weights).sum(2)
            return shown
        return _float64(self.show(torch.from_numpy(weights)))

    def show(self, weights: Tensor, rows: Tensor | None = None) -> Tensor:
        """The same as tensors of any number format, differentiable in the weights.

        Of texts `rows` (N,), weights are (N, V, H, T).
        """
        exact = weights.dtype != self.alpha.dtype
        share = (torch.from_numpy(self.share) if exact else self._share).to(weights)
        if rows is not None:
            share = share[rows]
        scaled = share.unsqueeze(1) * weights
        if self.is_sum:
            return scaled.sum(2)
        shown = self.reading.weigh(scaled.flatten(0, 1)).view(*weights.shape[:2], -1)
        return shown / shown.sum(-1, keepdim=True)

    def logits(self, weights: Array) -> Array:
        """Logits (B, V, C) under weights (B, V, H, T): of a linear readout in float64.

        Others answer in the number format of the model. The two differ by its rounding: in
        float32, probabilities agree to about 1e-6.
        """
        if self.linear is not None:
            linear: Array = weights[:, :, 0] @ self.linear.tokens
            return linear
        return _float64(self.read(torch.from_numpy(weights).to(self.alpha)))

    def read(self, weights: Tensor, asked: Tensor | None = None) -> Tensor:
        """The same as tensors on the model's device, differentiable in the weights.

        Of the variants that are `asked` (B, V) alone, where that is given: (N, C), text by text.
        """
        if self._fast is not None:
            logits = weights[:, :, 0] @ self._fast
            return logits if asked is None else logits[asked]
        alpha = self._outside.unsqueeze(1) + self._mass.unsqueeze(1) * weights
        if asked is None:
            return self.model.read(self.encoded, alpha)
        if read_some := capability(self.model, "read_some"):
            some: Tensor = read_some(self.encoded, alpha, asked)
            return some
        return self.model.read(self.encoded, alpha)[asked]

    @functools.cached_property
    def _fast(self) -> Tensor | None:
        return None if self.linear is None else torch.from_numpy(self.linear.tokens).to(self.alpha)

    @functools.cached_property
    def _share(self) -> Tensor:
        return torch.from_numpy(self.share).to(self.alpha)

    @functools.cached_property
    def _mass(self) -> Tensor:
        return torch.from_numpy(self.mass).to(self.alpha)

    @functools.cached_property
    def _outside(self) -> Tensor:
        return self.alpha.masked_fill(self.encoded.content.unsqueeze(1), 0)


def _float64(values: Tensor) -> Array:
    found: Array = values.detach().cpu().double().numpy()
    return found
