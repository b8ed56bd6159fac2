"""Attention that says nothing of the words, in training and after: random, or in a random order.

Vashishth et al. 2019, "Attention Interpretability Across NLP Tasks", train models with uniform,
random and permuted attention, and set their scores beside those of learned attention: where all
score alike, the task does not need attention. How weights are drawn is our own choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.models.interface import AttentionModel, Encoded

Floats = NDArray[np.float64]
Draw = Callable[[Batch], Tensor]  # a batch to numbers (B, T) in [0, 1), those at the content random


@dataclass(frozen=True)
class KeptDraw:
    """The same numbers whenever a text is met: they depend on its row and the seed alone."""

    seed: int

    def __call__(self, batch: Batch) -> Tensor:
        """(B, T) one number for each content position in its order; 0 elsewhere."""
        return _by_row(batch, self.seed, lambda drawn: drawn)


def draw_anew(batch: Batch) -> Tensor:
    """(B, T) other numbers whenever a text is met, from torch's generator."""
    return torch.rand(batch.ids.shape, device=batch.ids.device)


@dataclass(frozen=True)
class RandomWeights:
    """A guide: random weights, the same whenever a text is met.

    Each weight is drawn from the uniform distribution on (0, 1), and they are divided by their sum.
    """

    seed: int

    def __call__(self, batch: Batch) -> Tensor:
        """(B, T) weights that add up to 1 over the content."""
        return _by_row(batch, self.seed, lambda drawn: drawn / drawn.sum())


def _by_row(batch: Batch, seed: int, made: Callable[[Floats], Floats]) -> Tensor:
    """(B, T) what is `made` of one number in (0, 1) for each content position; 0 elsewhere."""
    found = np.zeros(batch.ids.shape, np.float32)
    content = batch.content.cpu().numpy()
    for b, row in enumerate(batch.rows.tolist()):
        drawn = 1 - np.random.default_rng([seed, row]).random(content[b].sum())  # never 0
        found[b, content[b]] = made(drawn)
    return torch.from_numpy(found).to(batch.ids.device)


@dataclass(frozen=True)
class Turned(Encoded):
    """What the model within encoded, and the order (B, T) in which its weights are applied."""

    inner: Encoded
    order: Tensor


class Reordered(AttentionModel):
    """`inner` with its attention weights in a random order, the same for every head.

    The weights on the content change places; the others stay. `inner` learns them all the same, but
    cannot say which word gets which. It shares the parameters of `inner`, so that training one
    trains the other.
    """

    def __init__(self, inner: AttentionModel, draw: Draw) -> None:
        super().__init__()
        self.inner, self.draw = inner, draw
        self.boundaries = inner.boundaries

    @override
    def embed(self, batch: Batch) -> Tensor:
        return self.inner.embed(batch)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> Turned:
        encoded = self.inner.encode(batch, embeddings)
        content = encoded.content
        keys = self.draw(batch).masked_fill(~content, 2.0)  # behind all of the content
        drawn = keys.argsort(dim=1, stable=True)  # content positions in a random order, the others
        places = (~content).to(torch.int8).argsort(dim=1, stable=True)  # in the order of the text
        order = torch.zeros_like(drawn).scatter(1, places, drawn)
        return Turned(encoded.attendable, content, encoded, order)

    def within(self, batch: Batch, encoded: Encoded) -> tuple[AttentionModel, Batch, Encoded]:
        """See `AttentionModel`."""
        assert isinstance(encoded, Turned)
        return self.inner, batch, encoded.inner

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        assert isinstance(encoded, Turned)
        alpha = self.inner.attend(encoded.inner)  # (B, H, T)
        return alpha.gather(2, encoded.order.unsqueeze(1).expand_as(alpha))

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, Turned)
        return self.inner.read(encoded.inner, alpha)
