from __future__ import annotations

import pytest
import torch

from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.readings.seen import Seen
from tests.models.transformer import conftest as transformers

make_network, make_classifier = transformers.make_network, transformers.make_classifier
text_batch = transformers.text_batch


def seen_of(model, batch):
    """What readings see of a model on a batch, with the predicted class as the target."""
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded)
        target = model.read(encoded, alpha.unsqueeze(1))[:, 0].argmax(-1)
    return Seen(model, batch, encoded, alpha, target)


@pytest.fixture
def seen(make_classifier):
    """Of a kind of transformer, on texts of some lengths."""
    return lambda kind, *lengths: seen_of(make_classifier(kind), text_batch(*(lengths or (9, 6))))


@pytest.fixture(scope="session")
def classic():
    """A BiLSTM of 50 words with one attention, on texts of 9 and 6 tokens."""

    def make(labels=("no", "yes"), encoder="bilstm"):
        words = Vocabulary([f"w{i}" for i in range(60)])
        recipe = Recipe(encoder=encoder, embedding=6, hidden=8)
        spec = ModelSpec(words, labels)
        model = build_classic(recipe, spec, seed=0).eval().requires_grad_(False)
        return seen_of(model, text_batch(9, 6))

    return make
