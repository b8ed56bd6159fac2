"""The C library told to keep the memory that is freed, for the tensors that come next."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
KEPT = 256 << 20
LARGEST = 32 << 20  # glibc takes no more


def keep_freed_memory() -> bool:
    """Let freed blocks of up to 32 MiB be used again, and up to 256 MiB of them stay; Linux only.

    As it is, glibc hands the memory of a tensor back to the system soon after it is freed, and the
    system clears the pages of the next one, one page fault after another: a third of the time of a
    transformer's feed-forward layers on one thread. What is kept was in use before, so that the
    peak stays what it is. Gives whether it has been done; no result depends on it.
    """
    if sys.platform != "linux":
        return False
    with suppress(OSError, AttributeError):  # another C library
        tune = ctypes.CDLL(None).mallopt
        return bool(tune(_MMAP_THRESHOLD, LARGEST)) and bool(tune(_TRIM_THRESHOLD, KEPT))
    return False
