"""What is kept of the program's files, and when it is found anew."""

from __future__ import annotations

import os
import sys

import pytest

from attnaudit.execution.remembered import Remembered


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A program of two files, beside which Python keeps bytecode."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "__pycache__").mkdir()
    for name in ("finder.py", "a.py"):
        (tmp_path / name).write_text("1")
    return tmp_path


@pytest.fixture
def find(folder):
    """What a new process finds in a file, and whether it had to look."""

    def run(path):
        looked = []
        kept = Remembered(folder / "finder.py", folder)
        found = kept.of(path, lambda: looked.append(1) or [path.read_text(), ["b", ""]])
        kept.keep()
        return found, bool(looked)

    return run


def touched(path, text):
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 10, before + 10))


def test_a_file_is_looked_at_once(folder, find):
    assert find(folder / "a.py") == (["1", ["b", ""]], True)
    assert find(folder / "a.py") == (["1", ["b", ""]], False)


@pytest.mark.parametrize("changed", ["a.py", "finder.py"])
def test_a_change_is_seen(folder, find, changed):
    find(folder / "a.py")
    touched(folder / changed, "2")
    assert find(folder / "a.py") == ([(folder / "a.py").read_text(), ["b", ""]], True)


def test_other_programs_are_not_kept(folder, find, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "c.py"
    other.write_text("3")
    assert [find(other) for _ in range(2)] == [(["3", ["b", ""]], True)] * 2


def test_nothing_is_written_where_python_writes_nothing(folder, find, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert find(folder / "a.py")[1]
    assert not list((folder / "__pycache__").iterdir())
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (folder / "__pycache__").rmdir()
    assert find(folder / "a.py")[1]
    assert not (folder / "__pycache__").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"finder": 1}', '{"files": {}}'])
def test_a_damaged_file_is_replaced(folder, find, text):
    find(folder / "a.py")
    (kept,) = (folder / "__pycache__").iterdir()
    kept.write_text(text)
    assert [find(folder / "a.py")[1] for _ in range(2)] == [True, False]
