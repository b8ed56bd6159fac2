from __future__ import annotations

import random

import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.data.dataset import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec

WORDS = [f"w{i}" for i in range(25)]


@pytest.fixture(scope="session")
def vocabulary():
    return Vocabulary(WORDS)


@pytest.fixture(scope="session")
def instances():
    """Random texts of the given lengths; with `pieces`, some words are of two or three tokens."""

    def make(lengths, *, paired=False, pieces=False, classes=2, seed=0):
        chance = random.Random(seed)
        made = []
        for row, n in enumerate(lengths):
            word, words = 0, []
            for t in range(n):
                word += t > 0 and (not pieces or chance.random() < 0.6)
                words.append(word)
            made.append(
                Instance(
                    id=f"id-{row}",
                    row=row,
                    line=row + 1,
                    tokens=tuple(chance.choices(WORDS, k=n)),
                    words=tuple(words),
                    label=row % classes,
                    query=tuple(chance.choices(WORDS, k=2 + row % 3)) if paired else None,
                    rationale=None,
                    group=None,
                    truncated=False,
                )
            )
        return made

    return make


@pytest.fixture(scope="session")
def batch_of(vocabulary):
    def make(some, pieces=False):
        return collate(some, vocabulary, boundaries=True, pieces=pieces)

    return make


@pytest.fixture(scope="session")
def classic(vocabulary):
    """An untrained model with weights large enough to give answers away from one half."""

    def make(encoder, *, paired=False, classes=2, dtype=torch.float64, attention="additive"):
        recipe = Recipe(encoder=encoder, embedding=6, hidden=8, attention=attention)
        labels = tuple(f"l{c}" for c in range(classes))
        model = build_classic(recipe, ModelSpec(vocabulary, labels, paired), seed=3)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.mul_(1.0 if "embedding" in name else 2.0)
        return model.to(dtype).eval().requires_grad_(False)

    return make


@pytest.fixture(scope="session")
def answers():
    """Attention (B, H, T) and probabilities (B, C) of a model."""

    @torch.no_grad()
    def answer(model, batch):
        encoded = model.encode(batch)
        alpha = model.attend(encoded)
        return alpha, model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)

    return answer
