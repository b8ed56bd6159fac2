"""Products and tanh where torch's own choice of library is slow; float64 where a device lacks it.

torch multiplies float32 matrices with MKL, which keeps its AVX-512 kernels to the CPUs of its
maker: on an AMD EPYC it runs at half the rate of oneDNN, which torch brings along, and its tanh
takes ten times as long as torch's own sigmoid. Results differ by rounding alone.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

# Below so many multiplications what oneDNN does before it begins costs more than it saves.
LEAST = 1 << 21
OPERATION = "_linear_pointwise"


def product(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """What `nn.functional.linear` gives, without a graph: `weight` (out, in)."""
    return one_dnn(input, weight, bias) if takes(input, weight) else _usual(input, weight, bias)


def added_product(added: Tensor, input: Tensor, weight: Tensor, out: Tensor) -> Tensor:
    """`added` (n, out) and the product of `input` (n, in), without a graph, into `out` (n, out)."""
    if takes(input, weight):
        return torch.add(added, one_dnn(input, weight), out=out)
    return torch.addmm(added, input, weight.T, out=out)


def takes(input: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN is the faster way to this product: large, in float32, on such a CPU."""
    return (
        input.dtype is weight.dtype is torch.float32
        and input.device.type == weight.device.type == "cpu"
        and input.ndim > 1
        and input.numel() * len(weight) >= LEAST
        and not torch.is_autocast_enabled("cpu")
        and pays()
    )


def one_dnn(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The product through oneDNN, without a graph."""
    operation = getattr(torch.ops.mkldnn, OPERATION)
    given: Tensor = operation(input, weight, bias, "none", [], "")  # nothing behind it
    return given


def in_float64(values: Tensor) -> Tensor:
    """`values` in float64: on their device, or on the CPU where that is an Apple GPU (mps).

    Those have no float64. Elsewhere nothing is moved, so that the device does the work.
    """
    return (values.cpu() if values.device.type == "mps" else values).double()


def tanh_(values: Tensor) -> Tensor:
    """Tanh in place: 2 sigmoid(2x) - 1, which is within 1e-7 of it in float32."""
    return values.mul_(2).sigmoid_().mul_(2).sub_(1)


_usual = nn.functional.linear


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
