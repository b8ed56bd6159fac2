from __future__ import annotations

import pytest
import torch

from attnaudit.execution.observer import Silent
from attnaudit.models.predict import Batches
from attnaudit.questions.patterns.make import records, settle
from attnaudit.questions.patterns.settings import PatternsSettings

from ..identify.conftest import CPU, texts_of


@pytest.fixture
def bert(tiny_bert):
    """A random BERT of 3 heads in float64 with its texts; they have two more tokens in it."""

    def make(lengths=(1, 3), layers=2, budget=4096, dtype=torch.float64):
        model, vocabulary = tiny_bert(dtype, layers=layers)
        return model, Batches(texts_of(lengths), vocabulary, False, CPU, budget=budget)

    return make


@pytest.fixture
def made_of():
    """The records of a model, in the order of the texts."""

    def make(model, batches, **asked):
        settled = settle(PatternsSettings(**{"steps": 3, **asked}), model)
        found = [r for part in records(model, batches, settled, Silent()) for r in part]
        return sorted(found, key=lambda record: record["row"])

    return make
