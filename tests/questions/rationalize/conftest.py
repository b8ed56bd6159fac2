"""Planted support models, whose attention is written, and predictors that are trained."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from attnaudit.data.dataset import Dataset
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.models.blank import Blank
from attnaudit.models.classic.classifier import Recipe
from attnaudit.models.interface import AttentionModel, Encoded, ModelSpec, masked_softmax
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.schedule import Schedule

FILLERS = [f"f{k}" for k in range(8)]
WORDS = Vocabulary([*FILLERS, "mark", "good", "bad"])
LABELS = ("no", "yes")
SIZE = 6


@dataclass(frozen=True)
class Seen(Encoded):
    words: Tensor


class Points(AttentionModel):
    """Puts nearly all weight on the words that it is told to; "good" and "bad" make its answer."""

    boundaries = True  # as the predictors have

    def __init__(self, *loud: str) -> None:
        super().__init__()
        table = torch.zeros(len(WORDS), 2)
        table[WORDS.ids(loud), 0] = 9.0
        table[WORDS.ids(("good", "bad")), 1] = torch.tensor([4.0, -4.0])
        self.embedding = nn.Embedding.from_pretrained(table)

    def encode(self, batch, embeddings=None):
        embedded = self.embed(batch) if embeddings is None else embeddings
        return Seen(batch.content, batch.content, embedded)

    def attend(self, encoded):
        return masked_softmax(encoded.words[:, :, :1].transpose(1, 2), encoded.attendable[:, None])

    def read(self, encoded, alpha):
        z = torch.einsum("bvht,bt->bv", alpha, encoded.words[:, :, 1])
        return torch.stack([torch.zeros_like(z), z], dim=-1)


def by_place(label: int, chance: random.Random) -> list[str]:
    """The same word in all texts: where it stands tells the label."""
    words = chance.choices(FILLERS, k=SIZE - 1)
    return ["mark", *words] if label == 0 else [*words, "mark"]


def by_word(label: int, chance: random.Random) -> list[str]:
    """One of two words, anywhere."""
    words = chance.choices(FILLERS, k=SIZE - 1)
    words.insert(chance.randrange(SIZE), LABEL_WORDS[label])
    return words


LABEL_WORDS = ("bad", "good")


@pytest.fixture
def planted(tmp_path):
    """A support model that points at some words of such texts, and what trains predictors."""

    def split(name: str, count: int, write, marked: tuple[str, ...]) -> Dataset:
        chance = random.Random(name)
        made = []
        for row in range(count):
            tokens = tuple(write(row % 2, chance))
            made.append(
                Instance(
                    id=f"{name} {row}",
                    row=row,
                    line=row + 1,
                    tokens=tokens,
                    words=tuple(range(len(tokens))),
                    label=row % 2,
                    query=None,
                    rationale=tuple(int(token in marked) for token in tokens),
                    group=None,
                    truncated=False,
                )
            )
        return Dataset(made, LABELS, name, tmp_path, "", {}, 0, False)

    def make(write, *loud: str, epochs: int = 10, count: int = 128) -> Retraining:
        spec = ModelSpec(WORDS, LABELS)
        blank = Blank(Recipe(encoder="bilstm", embedding=8, hidden=8), spec)
        sizes = {"train": count, "dev": 40, "test": 60}
        splits = {name: split(name, n, write, loud) for name, n in sizes.items()}
        schedule = Schedule(epochs=epochs, batch_size=32, learning_rate=0.03, seed=9)
        base = Points(*loud).eval().requires_grad_(False)
        recipe = Trainable(blank, blank.changed(encoder="average"), schedule)
        return Retraining(base, spec, recipe, splits, torch.device("cpu"), 400)

    return make
