"""Whether an error says that memory ran out: each library says it in its own way."""

from __future__ import annotations

import errno

# torch raises RuntimeError, on a CPU with the first text and on a GPU with the second. A library
# that is loaded late has the last two.
_SAID = (
    *("can't allocate memory", "out of memory", "not enough memory"),
    *("failed to map segment", "cannot allocate memory"),
)


def memory_ran_out(error: BaseException) -> bool:
    """Whether `error` is one of Python, numpy, torch or the system about memory that lacks."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, (RuntimeError, ImportError)):
        return any(said in str(error).lower() for said in _SAID)
    return isinstance(error, MemoryError)
