"""Where and in what precision a model computes."""

from __future__ import annotations

import torch

from attnaudit.errors import InputError
from attnaudit.execution.allocator import keep_freed_memory

DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


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
    if name == "cuda":
        # TF32 keeps ten bits of a product: too few for results that agree to 1e-5.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(name)
