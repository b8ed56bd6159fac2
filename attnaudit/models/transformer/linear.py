"""Linear layers through oneDNN, on CPUs where torch's own choice of library is slow.

Nine tenths of what a transformer computes are such products, and poolers end with a tanh; see
`models.arithmetic`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.models.arithmetic import one_dnn, pays, takes
from attnaudit.models.transformer.derivatives import dual, parts


class Linear(nn.Linear):
    """`nn.Linear` that multiplies large float32 matrices on a CPU through oneDNN.

    Anything else goes the usual way. Gradients flow, and are products of the same kind; so do
    derivatives in forward mode.
    """

    @override
    def forward(self, input: Tensor) -> Tensor:
        if not takes(input, self.weight):
            return super().forward(input)
        own, moves = parts(input)
        if moves is not None:  # which oneDNN would drop without a word
            given = one_dnn(own, self.weight, self.bias)
            return dual(given, one_dnn(moves, self.weight))
        if torch.is_grad_enabled():
            made: Tensor = _Product.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return made
        return one_dnn(input, self.weight, self.bias)


class Tanh(nn.Tanh):
    """`nn.Tanh` as 2 sigmoid(2x) - 1, as `arithmetic.tanh_`, with a graph where one is wanted."""

    @override
    def forward(self, input: Tensor) -> Tensor:
        if input.dtype is torch.float32 and input.device.type == "cpu":
            return (2 * input).sigmoid() * 2 - 1
        return super().forward(input)


def hasten(network: nn.Module) -> None:
    """Let the layers of `network` do without MKL, if that pays on this CPU."""
    if not pays():
        return
    for module in network.modules():
        if type(module) is nn.Linear:  # what subclasses do is theirs to say
            module.__class__ = Linear
        elif type(module) is nn.Tanh:
            module.__class__ = Tanh


class _Product(torch.autograd.Function):
    """The same with a graph; it can be differentiated once."""

    @staticmethod
    @override
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(input, weight)
        return one_dnn(input, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    @override
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        input, weight = ctx.saved_tensors
        for_input, for_weight, for_bias = ctx.needs_input_grad
        rows = slope.flatten(0, -2)  # (N, out)
        return (
            one_dnn(slope, weight.T) if for_input else None,
            one_dnn(rows.T, input.flatten(0, -2).contiguous().T) if for_weight else None,
            rows.sum(0) if for_bias else None,
        )
