"""One attention of a network while it runs, whichever way we got hold of it.

Letters in shape comments: B batch, H heads, Q queries, T tokens, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor

from attnaudit.models.interface import Keys


class Call(Protocol):
    """What one attention computes from, and what it would give under other weights."""

    @property
    def heads(self) -> int:
        """How many heads it has."""

    def plain(self) -> Tensor:
        """What the network computes by itself: (B, Q, H, D)."""

    def weights(self) -> Tensor:
        """The attention (B, H, Q, T): a distribution over what each query may attend to."""

    def vectors(self) -> Tensor:
        """What the weights average, for each head: (B, H, T, D)."""

    def keys(self) -> Keys | None:
        """What the weights of one query are the softmax of; None where the keys are not at hand."""

    def output(self, weights: Tensor) -> Tensor:
        """The vectors averaged under weights (B, H, Q, T): (B, Q, H, D)."""

    def dropped(self, weights: Tensor) -> Tensor:
        """The weights after dropout, which is 0 outside training."""

    def reach(self) -> Tensor | None:
        """True where a query may attend: (B, 1 or H, Q, T), None where it may everywhere."""

    def hiding(self, hidden: Tensor) -> Call:
        """The call in which no query sees the positions that are true in `hidden` (B, T).

        Or each query those of its own, (B, Q, T).
        """

    def of_rows(self, rows: Tensor) -> Call:
        """The call of one query of each text, those at `rows` (B,), in float32 at least."""


Handler = Callable[[Call], Tensor]  # gives (B, Q, H, D)


class Seam(Protocol):
    """A way to get hold of the attention of a network."""

    def handling(self, handler: Handler) -> AbstractContextManager[None]:
        """Within the context `handler` answers the attention calls of the network."""


def wide(tensor: Tensor) -> Tensor:
    """What leaves a network that computes in half precision: audits count in at least float32."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def by_query(hidden: Tensor) -> Tensor:
    """Positions (B, T), or those of each query (B, Q, T), as a mask is laid out: (B, 1, Q, T)."""
    return hidden[:, None, None] if hidden.ndim == 2 else hidden.unsqueeze(1)
