"""Linear layers through oneDNN, on CPUs where torch's own choice of library is slow.

torch multiplies float32 matrices with MKL, which keeps its AVX-512 kernels to the CPUs of its
maker: on an AMD EPYC it runs at half the rate of oneDNN, which torch brings along. Nine tenths of
what a transformer computes are such products. MKL's tanh, which poolers end with, is slow there as
well. Results differ by rounding alone.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

# Below so many multiplications what oneDNN does before it begins costs more than it saves.
LEAST = 1 << 21
OPERATION = "_linear_pointwise"


class Linear(nn.Linear):
    """`nn.Linear` that multiplies large float32 matrices on a CPU through oneDNN.

    Anything else goes the usual way. Gradients flow, and are products of the same kind.
    """

    @override
    def forward(self, input: Tensor) -> Tensor:
        if not _takes(input, self.weight):
            return super().forward(input)
        if torch.is_grad_enabled():
            made: Tensor = _Product.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return made
        return _product(input, self.weight, self.bias)


class Tanh(nn.Tanh):
    """`nn.Tanh` as 2 sigmoid(2x) - 1, which torch computes by itself; within 1e-7 in float32."""

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


@cache
def pays() -> bool:
    """Whether oneDNN has kernels for this CPU that MKL withholds.

    Read off the kind of CPU, never timed: the same kind gives the same bits every time.
    """
    able = torch._C.has_mkl and torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, OPERATION)
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return able and wide and "AuthenticAMD" in _maker()


def _maker() -> str:
    """The CPU's own word for who made it, within other words; empty where nobody tells."""
    told = Path("/proc/cpuinfo")
    try:
        with told.open() as file:
            return file.read(1024)
    except OSError:
        return platform.processor()


def _takes(input: Tensor, weight: Tensor) -> bool:
    return (
        input.dtype is weight.dtype is torch.float32
        and input.device.type == weight.device.type == "cpu"
        and input.ndim > 1
        and input.numel() * len(weight) >= LEAST
        and not torch.is_autocast_enabled("cpu")
    )


def _product(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """What `nn.functional.linear` gives, without a graph."""
    operation = getattr(torch.ops.mkldnn, OPERATION)
    given: Tensor = operation(input, weight, bias, "none", [], "")  # nothing behind it
    return given


class _Product(torch.autograd.Function):
    """The same with a graph; it can be differentiated once."""

    @staticmethod
    @override
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(input, weight)
        return _product(input, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    @override
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        input, weight = ctx.saved_tensors
        for_input, for_weight, for_bias = ctx.needs_input_grad
        rows = slope.flatten(0, -2)  # (N, out)
        return (
            _product(slope, weight.T) if for_input else None,
            _product(rows.T, input.flatten(0, -2).contiguous().T) if for_weight else None,
            rows.sum(0) if for_bias else None,
        )
