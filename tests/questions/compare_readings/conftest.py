from __future__ import annotations

import pytest

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
