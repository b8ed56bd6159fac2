"""What the heads of all layers do: what they give scaled, keys hidden, states layer by layer.

Letters in shape comments: B batch, L layers, H heads, Q queries, T tokens, D dimensions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from torch import Tensor

from attnaudit.errors import ModelError
from attnaudit.models.transformer.calls import Call, Handler
from attnaudit.models.transformer.interception import hidden, with_hidden


def altering(factors: Tensor, dropped: Tensor | None = None) -> Handler:
    """A handler for one forward pass that multiplies what heads give, and hides keys.

    `factors` (B or 1, L, H, T or 1) multiplies what each head gives at each position, before the
    output projection; 0 removes the head (Michel et al. 2019, section 2.2). `dropped` (B, T) is
    true at the positions whose keys no row sees: what their attention would be is shared out among
    the other keys by the softmax (Geva et al. 2023, section 4).

    Raises ModelError at a layer with another number of heads than `factors` has.
    """
    calls = itertools.count()

    def handler(call: Call) -> Tensor:
        of_layer = factors[:, next(calls)]  # (B or 1, H, T or 1)
        if of_layer.shape[1] != call.heads:
            raise ModelError(
                f"its layers differ in their number of heads ({of_layer.shape[1]} and"
                f" {call.heads}), so that they make no map of layers and heads"
            )
        given = call.plain() if dropped is None else _without(call, dropped)
        return given * of_layer.transpose(1, 2).unsqueeze(-1).to(given.dtype)  # (B, Q, H, D)

    return handler


def _without(call: Call, dropped: Tensor) -> Tensor:
    """What a layer gives, (B, Q, H, D), if no row attends to the `dropped` positions (B, T)."""
    call = call.hiding(dropped)
    weights, reach = call.weights(), call.reach()  # (B, H, Q, T), (B, 1 or H, Q or 1, T)
    if reach is not None:  # the softmax of a row that sees nothing is no zero
        weights = weights * reach.any(-1, keepdim=True).to(weights.device)
    return call.output(call.dropped(weights))


def begun_anew(states: list[Tensor], tupled: int) -> Callable[..., Any]:
    """How blocks are to be called, so that `states` gets what `layer_states` gives.

    `tupled` is 0 where blocks give their states alone. Otherwise the states are the first entry of
    a tuple.
    """

    def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not states:
            states.append(hidden(args, kwargs).detach().requires_grad_())
            args, kwargs = with_hidden(args, kwargs, states[0])
        given = own(*args, **kwargs)
        states.append(given[0] if tupled else given)
        return given

    return forward
