"""Whether an error says that memory ran out: each library says it in its own way."""

from __future__ import annotations

# torch raises RuntimeError, on a CPU with the first text and on a GPU with the second.
_SAID = ("can't allocate memory", "out of memory", "not enough memory")


def memory_ran_out(error: BaseException) -> bool:
    """Whether `error` is one of Python, of numpy or of torch about memory that is not there."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _SAID)
