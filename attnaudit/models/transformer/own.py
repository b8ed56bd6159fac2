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
    configs = _configs(network)
    before = [config._attn_implementation for config in configs]
    try:
        give_back(network)
        yield
    finally:
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation = name


def give_back(network: nn.Module) -> None:
    """Put a network under its own attention for good."""
    for config in _configs(network):
        config._attn_implementation = OWN


def _configs(network: nn.Module) -> list[Any]:
    found = (getattr(module, "config", None) for module in network.modules())
    return list({id(config): config for config in found if config is not None}.values())
