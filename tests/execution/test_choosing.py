from __future__ import annotations

import os

import pytest

from attnaudit.execution import choosing, machine
from attnaudit.execution.choosing import Choosing, Load
from attnaudit.execution.observer import Silent
from attnaudit.execution.units import Unit


class Heard(Silent):
    def __init__(self):
        self.said = []

    def say(self, remark):
        self.said.append(remark)


@pytest.fixture
def eight(monkeypatch):
    """Eight cores, and 4 GB of memory."""
    monkeypatch.setattr(choosing, "cores", lambda: 8)
    monkeypatch.setattr(choosing, "free_bytes", lambda: 4 * 10**9)


def pid(what):
    return os.getpid()


@pytest.mark.parametrize(
    ("load", "count"),
    [
        (Load(100, 1000), 8),  # a worker for each core
        (Load(100, 1000, threads=3), 2),
        (Load(3, 1000), 3),  # no more than there is to do
        (Load(100, 29), 1),  # the work would be done before the second has begun
        (Load(100, 46), 3),
        (Load(100, 1000, 10**9), 4),  # each takes memory
        (Load(100, 1000, 10**11), 1),
        (Load(1, 0.0), 1),
    ],
)
def test_as_many_workers_as_are_faster(eight, load, count):
    heard = Heard()
    engine = Choosing(heard)
    assert engine.choose(load).size == engine.size == count
    assert len(heard.said) == (count > 1 or load.worker_bytes is not None)  # in one line
    assert all(str(count) in remark for remark in heard.said)


def test_workers_that_have_begun_stay(eight):
    heard = Heard()
    engine = Choosing(heard)
    first = engine.choose(Load(100, 31))
    assert first.size == 2
    assert engine.choose(Load(1, 0.1)) is first
    assert engine.choose(Load(100, 1000)) is first
    assert first.size == engine.size == 8
    assert len(heard.said) == 2
    engine.close()


def test_memory_that_is_short_is_told(eight):
    heard = Heard()
    Choosing(heard).choose(Load(100, 1000, 10**10))
    assert heard.said == ["the work is done by 1 process: there is no memory for more"]


def test_short_work_is_done_here_and_long_work_elsewhere(eight):
    engine = Choosing(Silent())
    try:
        for load, here in ((Load(1, 1.0), True), (Load(2, 40.0), False)):
            chosen = engine.choose(load)
            ((_, found),) = chosen.outcomes(pid, iter([Unit("k", None)]))
            assert (found == os.getpid()) == here
    finally:
        engine.close()


def test_a_container_has_fewer_cores_and_less_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_GROUP", tmp_path)
    whole, free = machine.cores(), machine.free_bytes()
    assert whole >= 1
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("1000")
    (tmp_path / "memory.current").write_text("400")
    assert (machine.cores(), machine.free_bytes()) == (1, 600)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.cores() == whole
    assert (machine.free_bytes() is None) == (free is None)
