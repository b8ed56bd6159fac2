"""Products and tanh without a graph, where torch's own choice of library is slow.

On CPUs on which `linear.pays()`, MKL, which torch asks for both, multiplies matrices at half the
rate of oneDNN, and its tanh takes ten times as long as torch's own sigmoid. Results differ by
rounding alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attnaudit.models.transformer.linear import LEAST, OPERATION, pays


def product(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """What `nn.functional.linear` gives, without a graph: `input` (N, in), `weight` (out, in)."""
    large = input.numel() * len(weight) >= LEAST
    plain = input.dtype is weight.dtype is torch.float32 and input.device.type == "cpu"
    if large and plain and pays():
        operation = getattr(torch.ops.mkldnn, OPERATION)
        given: Tensor = operation(input, weight, bias, "none", [], "")  # nothing behind it
        return given
    return nn.functional.linear(input, weight, bias)


def tanh_(values: Tensor) -> Tensor:
    """Tanh in place: 2 sigmoid(2x) - 1, which is within 1e-7 of it in float32."""
    return values.mul_(2).sigmoid_().mul_(2).sub_(1)
