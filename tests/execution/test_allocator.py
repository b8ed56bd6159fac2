from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace

import pytest

from attnaudit.execution import allocator
from attnaudit.execution.allocator import KEPT, LARGEST, keep_freed_memory


def test_the_c_library_is_told_both_limits(monkeypatch):
    told = {}
    library = SimpleNamespace(mallopt=lambda what, value: told.update({what: value}) or 1)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(sys, "platform", "linux")
    assert keep_freed_memory()
    assert told == {allocator._MMAP_THRESHOLD: LARGEST, allocator._TRIM_THRESHOLD: KEPT}


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_are_left_as_they_are(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    assert not keep_freed_memory()


def test_so_is_another_c_library(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert not keep_freed_memory()


def test_a_limit_that_is_refused_is_no_success(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=lambda *_: 0))
    assert not keep_freed_memory()
