from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from attnaudit.data.batch import collate
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import AttentionModel, Encoded, ModelSpec, masked_softmax

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


@dataclass(frozen=True)
class Seen(Encoded):
    values: Tensor


class Linear(AttentionModel):
    """Uniform attention over the words, and logits [0, b + sum_t alpha_t w . e_t]."""

    boundaries = True

    def __init__(self, weight: Tensor, table: Tensor, bias: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(table)
        self.weight, self.bias = weight, bias
        self.inputs: list[Tensor] = []

    def encode(self, batch, embeddings=None):
        embeddings = self.embed(batch) if embeddings is None else embeddings
        self.inputs.append(embeddings.detach())
        return Seen(batch.content, batch.content, embeddings @ self.weight)

    def attend(self, encoded):
        flat = torch.zeros_like(encoded.values)
        return masked_softmax(flat, encoded.attendable).unsqueeze(1)

    def read(self, encoded, alpha):
        z = (alpha[:, :, 0] * encoded.values.unsqueeze(1)).sum(-1) + self.bias
        return torch.stack([torch.zeros_like(z), z], dim=-1)


@pytest.fixture
def linear(vocabulary):
    random = torch.Generator().manual_seed(1)
    table = torch.randn(len(vocabulary), 4, generator=random, dtype=torch.float64)
    return Linear(torch.tensor([1.5, -1.0, 0.5, 2.0], dtype=torch.float64), table, 0.3)
