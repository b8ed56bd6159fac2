"""How to get hold of a network's attention: the ways that there are, tried in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attnaudit.models.transformer.calls import Call, Seam
from attnaudit.models.transformer.finding import find_products
from attnaudit.models.transformer.interception import Interface, take_over
from attnaudit.models.transformer.own import give_back
from attnaudit.models.transformer.quiet import quiet


def find_seam(network: nn.Module, inputs: Mapping[str, Tensor]) -> Seam:
    """The seam of `network`, which is left under the attention that goes with it.

    `inputs` are what it is called with for two texts of different lengths.

    Raises ModelError where there is none.
    """

    def run(**options: Any) -> Any:
        with torch.no_grad(), quiet():
            return network(**inputs, **options)

    take_over(network)
    if _uses_interface(run):
        return Interface()
    give_back(network)
    return find_products(repeated_in(network), run)


def repeated_in(network: nn.Module) -> set[nn.Module]:
    """The modules that stand in lists: among them are the blocks of layers."""
    lists = {m for m in network.modules() if isinstance(m, nn.ModuleList)}
    return {child for many in lists for child in many}


def _uses_interface(run: Callable[[], Any]) -> bool:
    """Whether the network, under our attention, makes a call."""
    calls = 0

    def handler(call: Call) -> Tensor:
        nonlocal calls
        calls += 1
        return call.plain()

    try:
        with Interface().handling(handler):
            run()
    except Exception:  # under an attention that it does not know it may well fail
        if calls:
            raise
    return calls > 0
