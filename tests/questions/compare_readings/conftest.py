from __future__ import annotations

import numpy as np
import pytest

from attnaudit.data.instance import Instance
from attnaudit.execution.observer import Silent
from attnaudit.questions.compare_readings.make import records, settle
from attnaudit.questions.compare_readings.settings import CompareReadingsSettings


@pytest.fixture
def made_of():
    """The records of a model, in the order of the texts."""

    def make(model, batches, **asked):
        settled = settle(CompareReadingsSettings(**asked), model)
        found = [r for part in records(model, batches, settled, Silent()) for r in part]
        return sorted(found, key=lambda record: record["row"])

    return make


def _texts_of(lengths, seed=0):
    generator = np.random.default_rng(seed)
    return [
        Instance(
            id=f"text {row}",
            row=row,
            line=row + 1,
            tokens=tuple(f"w{k}" for k in generator.permutation(25)[:n]),
            words=tuple(range(n)),
            label=row % 2,
            query=None,
            rationale=None,
            group=None,
            truncated=False,
        )
        for row, n in enumerate(lengths)
    ]


@pytest.fixture
def texts_of():
    """Random texts of so many words among w0 to w24."""
    return _texts_of
