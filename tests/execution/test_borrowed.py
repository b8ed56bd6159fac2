from __future__ import annotations

import pytest
import torch

from attnaudit.execution.borrowed import borrowed


def test_what_is_borrowed_is_given_back():
    threads, exact = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with pytest.raises(KeyError):
        _work(threads, exact)
    assert torch.get_num_threads() == threads
    assert torch.backends.cudnn.allow_tf32 == exact
    assert torch.equal(torch.rand(2), expected)


def _work(threads, exact):
    with borrowed():
        torch.set_num_threads(threads + 1)
        torch.backends.cudnn.allow_tf32 = not exact
        torch.rand(5)
        raise KeyError
