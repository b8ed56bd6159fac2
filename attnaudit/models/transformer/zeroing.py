"""What a layer gives if the values of one position are zero: value zeroing (Mohebbi et al. 2023).

While the network runs once, each layer that is asked about runs again for every position, on the
states that it has in the plain run. Its weights stay, and are not scaled up.

Letters in shape comments: B batch, H heads, Q queries, T tokens, M of the states.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor

from attnaudit.models.arithmetic import in_float64
from attnaudit.models.transformer.anatomy import Anatomy
from attnaudit.models.transformer.calls import Call, Seam, wide
from attnaudit.models.transformer.interception import forwarding


@torch.no_grad()
def distances(
    anatomy: Anatomy, seam: Seam, run: Callable[[], Tensor], layers: Collection[int]
) -> list[Tensor]:
    """(B, T, T) for each of `layers`, numbered from 0: 1 - cos of what it gives at position i.

    Between what it gives and what it gives with zeros for the values of position j; in [0, 2].
    """
    found: list[Tensor] = []
    zero: int | None = None  # the position whose values are zero
    number = 0

    def handler(call: Call) -> Tensor:
        if zero is None:
            return call.plain()
        weights = call.weights().clone()
        weights[..., zero] = 0  # the same as values of 0
        return call.output(weights)

    def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal zero, number
        given = own(*args, **kwargs)
        if number in layers:
            tupled = anatomy.tupled[number]
            plain = _states(given, tupled)
            columns = []
            for position in range(plain.shape[1]):
                zero = position
                columns.append(_apart(plain, _states(own(*args, **kwargs), tupled)))
            zero = None
            found.append(torch.stack(columns, dim=-1))
        number += 1
        return given

    # In this order: a layer that runs again is looked for its attention again.
    with seam.handling(handler), forwarding(list(anatomy.blocks), forward):
        run()
    return found


def _states(given: Any, tupled: int) -> Tensor:
    return wide(given[0] if tupled else given)


def _apart(plain: Tensor, changed: Tensor) -> Tensor:
    """(B, T) the cosine distance of states (B, T, M); in float64, so that small ones are kept."""
    a, b = in_float64(plain), in_float64(changed)
    norms: Tensor = torch.linalg.vector_norm(a, dim=-1) * torch.linalg.vector_norm(b, dim=-1)
    return (1 - (a * b).sum(-1) / norms.clamp_min(torch.finfo(norms.dtype).tiny)).clamp(0, 2)
