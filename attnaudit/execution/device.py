"""Where and in what precision a model computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor

from attnaudit.errors import InputError
from attnaudit.execution.allocator import keep_freed_memory

DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

SIZE = 256  # of a product that is large enough for the units that round
FACTOR = 1 + 2**-12  # two bits more than TF32 keeps


def prepare_cpu(threads: int) -> None:
    """Let torch compute with so many CPU threads, and the C library keep what tensors free.

    One is the default of every command: the matrices of classic models are small, so that more
    threads mostly wait for each other (on a busy machine at 10 to 100 times the cost), and results
    are the same bits whatever machine they come from.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The precision of that name; raises InputError where the device does not have it."""
    if name == "float64" and device.type == "mps":
        raise InputError(
            "--dtype float64: an mps device has no float64",
            hint="use --dtype float32 or --device cpu",
        )
    return DTYPES[name]


def choose_device(name: str) -> torch.device:
    """`auto` (cuda if there is one, else cpu), `cpu`, `cuda` or `mps`.

    Raises InputError where the named device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    missing = (name == "cuda" and not torch.cuda.is_available()) or (
        name == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise InputError(
            f"--device {name}: this machine has no {name} device that torch can use",
            hint="use --device auto or --device cpu",
        )
    return torch.device(name)


def multiply_exactly(device: torch.device) -> None:
    """Let products of float32 numbers keep all their bits, whatever anyone has asked torch for.

    TF32 keeps ten bits of a factor, and bfloat16 seven: too few for results that agree to 1e-5. A
    library that is imported with a model may ask for them, and so may the environment. It is asked
    again before each batch of which figures are made; training may do without (`rounding_allowed`).

    Raises InputError for a GPU that rounds even so.
    """
    torch.set_float32_matmul_precision("highest")  # a CPU's products, too
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if device.type == "cuda":
        _check_products(device)


@contextmanager
def rounding_allowed(device: torch.device) -> Iterator[None]:
    """Within the context a GPU may multiply float32 numbers in TF32, as fits training.

    Losses and their gradients are noisy by far more than it rounds.
    """
    if device.type != "cuda":
        yield
        return
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


@cache
def _check_products(device: torch.device) -> None:
    """Raise InputError where a product shows that its factors have been rounded."""
    factors = torch.full((SIZE, SIZE), FACTOR, device=device)
    if is_rounded(factors @ torch.eye(SIZE, device=device)):
        raise InputError(
            f"--device {device.type}: this GPU rounds the factors of products to ten bits (TF32),"
            " although it is told not to",
            hint="unset NVIDIA_TF32_OVERRIDE, or use --device cpu",
        )


def is_rounded(products: Tensor) -> bool:
    """Whether products of `FACTOR` with 1 are another number."""
    return bool((products != FACTOR).any())
