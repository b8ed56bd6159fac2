"""Benchmarks run only when they are asked for, with `pytest tests/benchmarks -m benchmark`.

They print ratios of times measured within one run, which another machine can be held against;
they never judge a time.
"""

from __future__ import annotations

import time

import pytest
import torch

FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[FIGURES] = []


def pytest_collection_modifyitems(config, items):
    if "benchmark" in config.option.markexpr:
        return
    mine = [item for item in items if item.get_closest_marker("benchmark")]
    config.hook.pytest_deselected(items=mine)
    items[:] = [item for item in items if item not in mine]


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[FIGURES]:
        terminalreporter.section("benchmarks")
        for line in config.stash[FIGURES]:
            terminalreporter.write_line(line)


@pytest.fixture
def figure(request):
    """Note a line for the summary."""
    return request.config.stash[FIGURES].append


@pytest.fixture
def seconds():
    """The CPU seconds of a call: the least of several, after one that warms up."""

    def measure(function, times=3):
        taken = []
        for _ in range(times + 1):
            start = time.process_time()
            function()
            taken.append(time.process_time() - start)
        return min(taken[1:])

    return measure


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
