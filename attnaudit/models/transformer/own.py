"""A network under its own attention again, as whoever loads it without us has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

OWN = "eager"  # the attention that stands in the model's own file, which every model has


@contextmanager
def own_attention(network: nn.Module) -> Iterator[None]:
    """Within the context the network's own code weighs and averages, and builds the masks.

    Its configurations are told, as in `interception.take_over`, and afterwards told again what they
    were told before.
    """
    found = (getattr(module, "config", None) for module in network.modules())
    configs: dict[int, Any] = {id(config): config for config in found if config is not None}
    before = {key: config._attn_implementation for key, config in configs.items()}
    try:
        for config in configs.values():
            config._attn_implementation = OWN
        yield
    finally:
        for key, config in configs.items():
            config._attn_implementation = before[key]
