"""Gradients through recurrent layers on a GPU.

cuDNN computes a recurrent layer in one go, where torch's own kernels take every step of it apart.
But it can take gradients only through what it has computed in training mode. That differs from eval
mode by the dropout between stacked layers, and by nothing else. Second derivatives, and derivatives
in forward mode, cuDNN does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def differentiable(model: nn.Module) -> Iterator[None]:
    """Within the context, recurrent layers of `model` compute what a gradient can be taken of.

    They answer as in eval mode. The gradient itself can be taken outside of the context.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.RNNBase)]
    layers = [layer for layer in layers if not layer.training and _on_gpu(layer)]
    if any(layer.dropout and layer.num_layers > 1 for layer in layers):
        with torch.backends.cudnn.flags(enabled=False, allow_tf32=False):
            yield
        return
    for layer in layers:
        layer.training = True  # the layer alone: it has no part that could be in another mode
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False


def _on_gpu(layer: nn.Module) -> bool:
    return any(weights.is_cuda for weights in layer.parameters())
