"""torch's settings of the whole process, lent to a piece of work and given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch


@contextmanager
def borrowed() -> Iterator[None]:
    """Afterwards torch has as many threads, multiplies as exactly and draws the same as before.

    A command may set them for its own process. Within somebody else's program they are lent.
    """
    threads = torch.get_num_threads()
    exact = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    precision = None
    with suppress(RuntimeError):  # where it was set in two of torch's ways
        precision = torch.get_float32_matmul_precision()
    drawn = torch.random.get_rng_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = exact
        if precision is not None:
            torch.set_float32_matmul_precision(precision)
        torch.random.set_rng_state(drawn)
