"""What a reading can see of a model on a batch; all but the weights is computed when asked for.

Letters in shape comments: B batch, H heads, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.interface import AttentionModel, Encoded, Joined, Layer, Values, capability

NUMBERS = 1 << 24  # weights of all layers that are held at once


@dataclass(frozen=True)
class Seen:
    """A model on a batch: what it encoded, its own attention `alpha` (B, H, T), and what it says.

    `target` (B,) is the class that a reading explains, where it explains one.
    """

    model: AttentionModel
    batch: Batch
    encoded: Encoded
    alpha: Tensor
    target: Tensor

    @cached_property
    def values(self) -> Values:
        """What the audited attention averages; the model must have the capability `values`."""
        show = capability(self.model, "values")
        assert show is not None
        values: Values = show(self.encoded)
        return values

    @cached_property
    def row(self) -> Tensor:
        """(B,) the position whose row is audited; the model must have `audited_row`."""
        find = capability(self.model, "audited_row")
        assert find is not None
        row: Tensor = find(self.batch)
        return row

    @cached_property
    def joins(self) -> tuple[Joined | None, ...]:
        """How the attention of each layer joins its states; the model must have `joins`."""
        find = capability(self.model, "joins")
        assert find is not None
        joins: tuple[Joined | None, ...] = find()
        return joins

    def by_layers(self, compute: Callable[[Batch, list[Layer], Tensor], Tensor]) -> Tensor:
        """(B, T) `compute(batch, layers, row)` of some texts at a time, 0 beyond a text's end.

        The layers of few texts are held at once, and none is kept. The model must have `trace`.
        """
        trace = capability(self.model, "trace")
        assert trace is not None
        return self.by_parts(lambda some, row: compute(some, trace(some), row))

    def by_parts(self, compute: Callable[[Batch, Tensor], Tensor]) -> Tensor:
        """(B, T) `compute(batch, row)` of some texts at a time, 0 beyond a text's end.

        So few that the weights of all their layers can be held at once.
        """
        texts, width = self.batch.ids.shape
        layers, heads = self.model.layer_count or 1, self.alpha.shape[1]
        index = torch.arange(texts, device=self.batch.ids.device)
        parts = []
        for rows in torch.split(index, max(1, NUMBERS // (layers * heads * width**2))):
            some = self.batch.select(rows)
            found = compute(some, self.row[rows.to(self.row.device)]).to(self.alpha)
            parts.append(torch.nn.functional.pad(found, (0, width - found.shape[1])))
        return torch.cat(parts) * self.batch.mask.to(self.alpha.device)
