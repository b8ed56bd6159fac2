from __future__ import annotations

import random

import pytest
import torch

from attnaudit.data.batch import Batch, collate
from attnaudit.data.dataset import Dataset
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.models.blank import Blank
from attnaudit.models.classic.classifier import ClassicModel, Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.schedule import Schedule

SCHEDULE = Schedule(epochs=2, batch_size=8, learning_rate=0.02, seed=1)
WORDS = [f"w{i}" for i in range(30)]


@pytest.fixture(scope="session")
def vocabulary():
    return Vocabulary(WORDS)


@pytest.fixture(scope="session")
def make_instance():
    """An instance from its tokens, each a word of its own unless `words` says otherwise."""

    def make(tokens, row=0, label=0, query=None, words=None) -> Instance:
        tokens = tuple(tokens)
        return Instance(
            id=str(row),
            row=row,
            line=row + 1,
            tokens=tokens,
            words=tuple(range(len(tokens))) if words is None else tuple(words),
            label=label,
            query=None if query is None else tuple(query),
            rationale=None,
            group=None,
            truncated=False,
        )

    return make


@pytest.fixture(scope="session")
def make_instances(make_instance):
    """Random texts of the given lengths, with labels in turn; queries of 1 to 3 words."""

    def make(lengths, paired=False, classes=2, seed=0) -> list[Instance]:
        chance = random.Random(seed)
        return [
            make_instance(
                chance.choices([*WORDS, "unseen"], k=n),
                row,
                row % classes,
                chance.choices(WORDS, k=1 + row % 3) if paired else None,
            )
            for row, n in enumerate(lengths)
        ]

    return make


@pytest.fixture(scope="session")
def make_batch(make_instances, vocabulary):
    def make(lengths, boundaries=True, **kwargs) -> Batch:
        return collate(make_instances(lengths, **kwargs), vocabulary, boundaries=boundaries)

    return make


@pytest.fixture(scope="session")
def make_model(vocabulary):
    """A small classic model, in float64 and eval mode unless asked otherwise."""

    def make(
        encoder="average",
        attention="additive",
        classes=2,
        paired=False,
        seed=0,
        dtype=torch.float64,
        embedding=6,
        hidden=4,
    ) -> ClassicModel:
        recipe = Recipe(encoder=encoder, attention=attention, embedding=embedding, hidden=hidden)
        spec = ModelSpec(vocabulary, tuple("abc"[:classes]), paired)
        return build_classic(recipe, spec, seed).to(dtype).eval()

    return make


@pytest.fixture
def make_retraining(make_instances, make_instance, vocabulary, tmp_path):
    """A trained model and what it takes to train others: 60 texts, the class is in one word."""

    def split(name, lengths):
        texts = make_instances(lengths, seed=len(lengths))
        texts = [make_instance([*t.tokens, f"w{t.label}"], t.row, t.label) for t in texts]
        return Dataset(texts, ("no", "yes"), name, tmp_path, "", {}, 0, False)

    def make(encoder="bilstm", schedule=SCHEDULE):
        spec = ModelSpec(vocabulary, ("no", "yes"))
        blank = Blank(Recipe(encoder=encoder, embedding=6, hidden=4), spec)
        splits = {"train": split("train", [3, 5, 2, 8, 6] * 8), "dev": split("dev", [4, 7, 2, 5])}
        splits["test"] = split("test", [3, 9, 4, 6, 2, 5, 7, 8])
        base = blank(schedule.seed)
        made = Retraining(
            base,
            spec,
            Trainable(blank, blank.changed(encoder="average"), schedule),
            splits,
            torch.device("cpu"),
            64,
        )
        made.learn(base, schedule.seed, Silent(), "base")
        return made

    return make
