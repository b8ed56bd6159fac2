"""The blocks of a network, each run by itself on one text.

Letters in shape comments: N rows, H heads, T tokens, E the size of what a head gives, D that of
states, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from attnaudit.data.batch import Batch
from attnaudit.models.transformer.calls import Call, Handler
from attnaudit.models.transformer.interception import forwarding, hidden, with_hidden, zeros_of
from attnaudit.models.transformer.quiet import quiet

if TYPE_CHECKING:
    from attnaudit.models.transformer.classifier import TransformerClassifier


class FoundError(Exception):
    """Ends a forward pass where nothing above is needed; holds what was reached."""

    def __init__(self, found: Tensor) -> None:
        super().__init__()
        self.found = found


class Blocks:
    """The blocks of a network on one text, each run by itself.

    `batch` holds the text alone, without padding. `room` is how many tokens a call may have.
    """

    def __init__(self, model: TransformerClassifier, batch: Batch, room: int) -> None:
        self.model, self.batch, self.room = model, batch, room
        self.layers, self.tokens = len(model.anatomy.blocks), batch.ids.shape[1]
        self.row = int(model.audited_row(batch)[0])

    def begun(self, embeddings: Tensor) -> Tensor:
        """What the first block begins with (N, T, D), from embeddings (N, T, size of those)."""
        with self.model._embedded(embeddings):
            return self._reached(len(embeddings), 0, None, lambda call: call.plain())

    def attended(self, layer: int, states: Tensor) -> Tensor:
        """What the heads of a block give (N, T, H, E), which begins with states (N, T, D)."""

        def handler(call: Call) -> Tensor:
            raise FoundError(averaged(call))

        return self._reached(len(states), layer, states, handler)

    def joined(self, layer: int, states: Tensor, heads: Tensor) -> Tensor:
        """What a block gives at positions alone (N, D), from what it begins with there (N, D).

        `heads` (N, H, E) is what its heads give there.
        """
        given = heads.unsqueeze(1)  # (N, 1, H, E)
        with ExitStack() as stack:
            for module in self._unread(layer):
                stack.enter_context(forwarding([module], zeros_of(module)))
            return self.alone(layer, states, lambda call: given)

    def alone(self, layer: int, states: Tensor, handler: Handler) -> Tensor:
        """What is reached of a block that runs on single positions, from states (N, D) there.

        `handler` answers its attention, or raises `FoundError`. Otherwise it is what the block
        gives (N, D).
        """
        inputs = self.model._nothing(states.unsqueeze(1))

        def run() -> None:
            self.model._logits(**inputs)

        return self._run(run, layer, states.unsqueeze(1), handler).squeeze(1)

    @torch.no_grad()
    def answers(self, states: Tensor) -> Tensor:
        """Logits (N, C) where the last block gives states (N, T, D)."""
        at = 0

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal at
            found = states if at == self.layers - 1 else hidden(args, kwargs)
            at += 1
            return self.model._as_given(found, at - 1)

        with forwarding(list(self.model.anatomy.blocks), forward):
            logits: Tensor = self.model(self.texts(len(states)))
        return logits

    def texts(self, count: int) -> Batch:
        """The text, so many times."""
        return self.batch.select(torch.zeros(count, dtype=torch.long, device=self.batch.ids.device))

    def parts(self, rows: int, tokens: int) -> Iterator[slice]:
        """All rows of so many tokens each in parts that fit into the room."""
        size = max(1, self.room // tokens)
        return (slice(first, first + size) for first in range(0, rows, size))

    def _unread(self, layer: int) -> tuple[nn.Module, ...]:
        """What projects queries, keys and values of a block, and does nothing else."""
        if not self.model._unread:  # one of them does more
            return ()
        return tuple(
            m for call in self.model.anatomy.calls if call.run == layer for m in call.inputs
        )

    def _reached(self, count: int, layer: int, states: Tensor | None, handler: Handler) -> Tensor:
        texts = self.texts(count)
        return self._run(lambda: self.model(texts), layer, states, handler)

    def _run(
        self, run: Callable[[], Any], layer: int, states: Tensor | None, handler: Handler
    ) -> Tensor:
        """What is reached of a block: what its heads give, what it gives, or it begins with.

        The last where there are no `states` for it to begin with.
        """
        tupled = self.model.anatomy.tupled[layer]
        at = 0

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal at
            at += 1
            if at <= layer:
                return self.model._as_given(hidden(args, kwargs), at - 1)
            if states is None:
                raise FoundError(hidden(args, kwargs))
            args, kwargs = with_hidden(args, kwargs, states)
            given = own(*args, **kwargs)
            raise FoundError(given[0] if tupled else given)

        with ExitStack() as stack:
            stack.enter_context(self.model.seam.handling(handler))
            stack.enter_context(forwarding(list(self.model.anatomy.blocks), forward))
            stack.enter_context(quiet())
            try:
                run()
            except FoundError as reached:
                return reached.found
        raise AssertionError("a block was not reached")


def averaged(call: Call) -> Tensor:
    """What a layer computes by itself: (B, Q, H, E), by steps that all have derivatives."""
    return call.output(call.dropped(call.weights()))
