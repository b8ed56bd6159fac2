from __future__ import annotations

import errno

import pytest
import torch

from attnaudit.execution.shortage import memory_ran_out


def test_what_python_and_torch_say_of_memory():
    with pytest.raises(MemoryError) as python:
        bytearray(1 << 62)
    with pytest.raises(RuntimeError) as kernel:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert memory_ran_out(python.value)
    assert memory_ran_out(kernel.value)
    assert memory_ran_out(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))


def test_what_the_system_says_of_memory():
    assert memory_ran_out(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert memory_ran_out(ImportError("a.so: failed to map segment from shared object"))


def test_other_errors_are_no_shortage():
    assert not memory_ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not memory_ran_out(ValueError("out of memory"))
    assert not memory_ran_out(OSError(errno.ENOSPC, "No space left on device"))
