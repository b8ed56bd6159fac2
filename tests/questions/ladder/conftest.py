from __future__ import annotations

import pytest
import torch

from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.predict import Batches
from attnaudit.questions.ladder.make import records, settle
from attnaudit.questions.ladder.settings import LadderSettings
from tests.questions.identify.conftest import CPU, texts_of

LENGTHS = (1, 2, 5, 9)


@pytest.fixture
def bert(tiny_bert):
    """A random BERT of 3 heads in float64."""

    def make(lengths=LENGTHS, budget=4096, dtype=torch.float64):
        model, vocabulary = tiny_bert(dtype)
        return model, Batches(texts_of(lengths), vocabulary, False, CPU, budget=budget)

    return make


@pytest.fixture
def classic():
    """An untrained classic model in float64, whose states have 8 dimensions."""

    def make(attention="additive", lengths=LENGTHS, encoder="bilstm", budget=4096):
        vocabulary = Vocabulary([f"w{k}" for k in range(25)])
        recipe = Recipe(encoder=encoder, embedding=6, hidden=4, attention=attention)
        model = build_classic(recipe, ModelSpec(vocabulary, ("bad", "good")), seed=0)
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(4)  # answers and attention that differ
        model = model.double().eval().requires_grad_(False)
        return model, Batches(texts_of(lengths), vocabulary, True, CPU, budget=budget)

    return make


@pytest.fixture
def made_of():
    """The records of a model, in the order of the texts."""

    def make(model, batches, **asked):
        settled = settle(LadderSettings(**{"starts": 2, "steps": 30, **asked}), model)
        found = [r for part in records(model, batches, settled, Silent()) for r in part]
        return sorted(found, key=lambda record: record["row"])

    return make
