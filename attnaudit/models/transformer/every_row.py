"""Every row of one layer, audited at once: a site besides the one row that a head reads.

Below the top of a network no single row explains an answer: what one row loses, the layers above
find in the others. And a head that pools reads every row of the last layer. At such a site

* `attend` gives (B, H, Q, T), with Q = T: row q is the attention of position q. Rows of padding do
  not count, and are 0;
* what is shown of it is the column mass (`readings.rows`): the attention that a token gets, in the
  mean over the rows that count;
* an intervention changes the content entries of all rows that count, in the same way
  (`questions.variants`). A permutation gives the weights of one word to another, the same other
  word in every row and head, so that the column mass is shuffled as a single row would be. Were
  each row shuffled by itself, the column mass would be levelled as well, and an answer that moves
  would not say which of both it moves for. An erased word loses its weight in every row, and each
  row scales up what it has left. Uniform attention shares the content mass of each row evenly.
  Where a row reaches part of the words only (decoders, windows), it takes part with these;
* `read` says what the model answers then: the layer is given the weights, and the layers above run
  as they always do. The layers below are not run again, so that an answer costs (L - l + 1) / L of
  a forward pass at layer l of L.

The per-text adversary is not asked here. It searches for weights that look different and give the
same answer. Here each number that is shown stands for as many weights as there are rows and heads,
and many of these rows hardly matter to the answer. The search would move the weights of such rows
and leave the others: what it found would say little of the heatmap. Findings, too, rest on the one
row that a head reads.

Letters in shape comments: B batch, V variants, H heads, Q rows, T tokens, D dimensions.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.data.batch import Batch
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.budget import BATCH_TOKENS
from attnaudit.models.interface import (
    AttentionModel,
    Encoded,
    Layer,
    ManyRows,
    Values,
    agree,
)
from attnaudit.models.transformer.anatomy import Anatomy
from attnaudit.models.transformer.calls import Call, wide
from attnaudit.models.transformer.classifier import (
    ROWS_ELSEWHERE,
    TransformerClassifier,
)
from attnaudit.models.transformer.interception import forwarding, hidden, with_hidden


@dataclass(frozen=True)
class LayerRows(ManyRows):
    """What a layer reads: its states (B, T, D), and its attention call, with the texts."""

    states: Tensor
    call: Call
    batch: Batch


class EveryRow(AttentionModel):
    """`inner` at the site of every row of one layer; `layer` counts from 1, the lowest."""

    boundaries = True
    many_rows = True

    def __init__(self, inner: TransformerClassifier, layer: int, example: Batch) -> None:
        """Take `inner` to a layer, and see on `example` that it can be intervened on there.

        Raises ModelError where reading weights is not what the network answers with them.
        """
        super().__init__()
        self.inner = inner
        self.layer = layer
        self.bare = inner.bare
        self.mask_token = inner.mask_token
        self.unknown_token = inner.unknown_token
        self.head_count, self.layer_count = inner.head_count, inner.layer_count
        layers = len(inner.anatomy.blocks)
        self.site = f"layer {layer} of {layers}, every row"
        self.answer_cost = (layers - layer + 1) / layers
        if not self._reads(example):
            raise ModelError(
                f"attnaudit cannot change the attention of layer {layer} of {layers}: with uniform"
                " weights, it gives another answer than the whole model with every row replaced",
                hint="its blocks use attention for more than averaging values",
            )

    @property
    def network(self) -> nn.Module:
        """The network of transformers."""
        return self.inner.network

    @property
    def anatomy(self) -> Anatomy:
        """Where its attention is."""
        return self.inner.anatomy

    def of_output(self, output: int) -> EveryRow:
        """See `AttentionModel`. It is the same network, around the same weights."""
        made = copy.copy(self)
        made._modules = dict(self._modules)  # which a copy shares, and the next line changes
        made.inner = self.inner.of_output(output)
        return made

    @override
    def embed(self, batch: Batch) -> Tensor:
        return self.inner.embed(batch)

    @override
    def forward(self, batch: Batch) -> Tensor:
        plain: Tensor = self.inner(batch)
        return plain

    @override
    def own_answer(self, batch: Batch) -> Tensor:
        return self.inner.own_answer(batch)

    @override
    def encode(self, batch: Batch, embeddings: Tensor | None = None) -> LayerRows:
        states, call = self.inner.begin(batch, embeddings, self.layer - 1)
        real = batch.mask
        reach = real.unsqueeze(1) & real.unsqueeze(2)  # (B, Q, T)
        allowed = call.reach()
        if allowed is not None:
            reach = reach & allowed.any(1).to(reach.device)  # (B or 1, Q or 1, T)
        attendable = reach.any(1)
        return LayerRows(attendable, attendable & batch.content, reach, states, call, batch)

    @override
    def attend(self, encoded: Encoded) -> Tensor:
        assert isinstance(encoded, LayerRows)
        call = encoded.call
        alpha = wide(call.weights())
        counts = encoded.reach.any(-1)[:, None, :, None].to(alpha.device)
        return alpha.masked_fill(~counts, 0)  # (B, H, Q, T)

    @override
    def read(self, encoded: Encoded, alpha: Tensor) -> Tensor:
        assert isinstance(encoded, LayerRows)
        tokens = BATCH_TOKENS if alpha.device.type == "cpu" else ROWS_ELSEWHERE
        at_once = max(1, tokens // encoded.attendable.numel())
        parts = [self._above(encoded, part) for part in torch.split(alpha, at_once, dim=1)]
        return torch.cat(parts, dim=1)

    def _above(self, encoded: LayerRows, alpha: Tensor) -> Tensor:
        """Logits (B, V, C), the variants of all texts in one batch."""
        texts, variants = alpha.shape[:2]
        each = torch.arange(texts, device=encoded.batch.ids.device).repeat_interleave(variants)
        states = encoded.states.repeat_interleave(variants, 0)
        done, given_weights = 0, False

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done < self.layer:
                return self.inner._as_given(hidden(args, kwargs), done - 1)
            if done == self.layer:
                args, kwargs = with_hidden(args, kwargs, states)
            return own(*args, **kwargs)

        def handler(call: Call) -> Tensor:
            nonlocal given_weights
            if given_weights:
                return call.plain()
            given_weights = True
            return call.output(call.dropped(alpha.flatten(0, 1)).to(call.vectors().dtype))

        blocks = list(self.anatomy.blocks)
        # In this order: a block that does not run has no attention that the seam could look for.
        with self.inner.seam.handling(handler), forwarding(blocks, forward):
            logits: Tensor = self.inner(encoded.batch.select(each))
        return logits.view(texts, variants, -1)

    def uniform_layers(self, batch: Batch) -> Tensor:
        """See `AttentionModel`."""
        return self.inner.uniform_layers(batch)

    def trace(self, batch: Batch) -> list[Layer]:
        """See `AttentionModel`."""
        return self.inner.trace(batch)

    def scale_heads(self, batch: Batch, factors: Tensor, dropped: Tensor | None = None) -> Tensor:
        """See `AttentionModel`."""
        return self.inner.scale_heads(batch, factors, dropped)

    def layer_states(self, batch: Batch) -> list[Tensor]:
        """See `AttentionModel`."""
        return self.inner.layer_states(batch)

    def values(self, encoded: Encoded) -> Values:
        """See `AttentionModel`; each row has a residual of its own, so that none is shown."""
        assert isinstance(encoded, LayerRows)
        return Values(wide(encoded.call.vectors()), None)

    def at_layer(self, layer: int) -> AttentionModel:
        """See `AttentionModel`."""
        return self.inner.at_layer(layer)

    @torch.no_grad()
    def _reads(self, batch: Batch) -> bool:
        """Whether reading uniform weights is what the network says with every row overridden."""
        encoded = self.encode(batch)
        spread = encoded.reach / encoded.reach.sum(-1, keepdim=True).clamp_min(1)  # (B, Q, T)
        uniform = spread.unsqueeze(1).repeat(1, self.anatomy.heads, 1, 1).to(encoded.states)
        calls = 0

        def handler(call: Call) -> Tensor:
            nonlocal calls
            calls += 1
            return call.output(uniform) if calls == self.layer else call.plain()

        with self.inner.seam.handling(handler):
            whole = self.inner(batch)
        return agree(self.read(encoded, uniform.unsqueeze(1))[:, 0], whole, self.inner._dtype)


# A classifier where its head reads: at one row, or, where it pools, at every row.
Audited = Union[TransformerClassifier, EveryRow]  # noqa: UP007


def every_row(inner: TransformerClassifier, layer: int, example: Batch) -> EveryRow:
    """`inner` at a layer that the user named; raises InputError for one that is not there."""
    layers = len(inner.anatomy.blocks)
    if not 1 <= layer <= layers:
        raise InputError(
            f"the model has no layer {layer}",
            hint=f"its layers are 1, the lowest, to {layers}; -1 is the default site",
        )
    return EveryRow(inner, layer, example)
