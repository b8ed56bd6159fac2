from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.predict import Batches
from attnaudit.questions.identify.make import records, settle
from attnaudit.questions.identify.settings import IdentifySettings

LENGTHS = (1, 2, 3, 6, 9, 14)
CPU = torch.device("cpu")


def texts_of(lengths, seed=0):
    """Texts of so many different words w0 and so on, of both classes."""
    generator = np.random.default_rng(seed)
    made = []
    for row, n in enumerate(lengths):
        tokens = tuple(f"w{k}" for k in generator.permutation(25)[:n])
        made.append(
            Instance(
                id=f"text {row}",
                row=row,
                line=row + 1,
                tokens=tokens,
                words=tuple(range(n)),
                label=row % 2,
                query=None,
                rationale=None,
                group=None,
                truncated=False,
            )
        )
    return made


@pytest.fixture
def bert(tiny_bert):
    """A random BERT of 3 heads of 4 dimensions in float64; texts have two more tokens in it."""

    def make(lengths=LENGTHS, budget=4096, dtype=torch.float64):
        model, vocabulary = tiny_bert(dtype)
        return model, Batches(texts_of(lengths), vocabulary, False, CPU, budget=budget)

    return make


@pytest.fixture
def classic():
    """An untrained classic model in float64, whose states have 8 dimensions."""

    def make(attention="additive", lengths=LENGTHS, encoder="bilstm", hidden=4):
        vocabulary = Vocabulary([f"w{k}" for k in range(25)])
        recipe = Recipe(encoder=encoder, embedding=6, hidden=hidden, attention=attention)
        model = build_classic(recipe, ModelSpec(vocabulary, ("bad", "good")), seed=0)
        model = model.double().eval().requires_grad_(False)
        return model, Batches(texts_of(lengths), vocabulary, True, CPU, budget=4096)

    return make


@pytest.fixture
def made_of():
    """The records of a model, in the order of the texts."""

    def make(model, batches, **asked):
        settled = settle(IdentifySettings(**asked), model)
        found = [r for part in records(model, batches, settled, Silent()) for r in part]
        return sorted(found, key=lambda record: record["row"])

    return make
