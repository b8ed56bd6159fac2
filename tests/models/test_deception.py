from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.deception import Deception, Marked, on_marked, penalty
from attnaudit.models.interface import ModelSpec
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import Labels, TrainingData, train

CPU = torch.device("cpu")


def instance(row, tokens, words=None, label=0):
    return Instance(
        id=str(row),
        row=row,
        line=row + 1,
        tokens=tuple(tokens),
        words=tuple(words or range(len(tokens))),
        label=label,
        query=None,
        rationale=None,
        group=None,
        truncated=False,
    )


# Two heads that put .5 and .2 of a text's attention on marked positions; nothing in the second.
ALPHA = torch.tensor(
    [[[0.5, 0.25, 0.25], [0.2, 0.7, 0.1]], [[0.1, 0.6, 0.3], [0.3, 0.3, 0.4]]], requires_grad=True
)
MARKED = torch.tensor([[True, False, False], [False, False, False]])


def test_the_penalty_is_that_of_the_paper_text_by_text():
    assert on_marked(ALPHA, MARKED)[0].tolist() == pytest.approx([0.5, 0.2])
    mean, largest = (penalty(ALPHA, MARKED, heads).tolist() for heads in ("mean", "max"))
    assert mean == pytest.approx([-(math.log(0.5) + math.log(0.8)) / 2, 0.0], abs=1e-6)
    # Of each text for itself: the other text has no say.
    assert largest == pytest.approx([-math.log(0.5), 0.0], abs=1e-6)


def test_a_penalty_on_all_attention_is_finite_and_still_pulls():
    scores = torch.tensor([[[60.0, 0.0, 0.0]]], requires_grad=True)
    cost = penalty(scores.softmax(-1), MARKED[:1], "mean")
    assert 55 < cost.item() < 65  # log of e^-60, where 1 - alpha would be 0
    cost.sum().backward()
    assert scores.grad[0, 0, 0].item() == pytest.approx(1.0, abs=1e-3)
    empty = penalty(torch.tensor([[[1.0, 0.0, 0.0]]]), MARKED[:1], "max")
    assert math.isfinite(empty.item())


def test_marks_stand_at_all_pieces_of_a_word_also_after_deletions():
    made = [
        instance(0, ["a", "b", "##b", "c"], (0, 1, 1, 2)),
        instance(1, ["d", "e"]),
    ]
    vocabulary = Vocabulary.count(i.tokens for i in made)
    marked = Marked.of(made, [(1,), ()], CPU)
    batch = collate([made[1], made[0]], vocabulary, boundaries=True)
    at = marked(batch)
    assert at.tolist() == [[False] * 6, [False, False, True, True, False, False]]
    shorter = batch.keep(batch.words != 0)
    assert marked(shorter)[1].tolist() == [False, True, True, False, False]
    removed, reached = marked.removal()(batch)
    assert torch.equal(removed, at)
    assert torch.equal(reached, batch.content)
    pieces = collate(made, vocabulary, boundaries=True, pieces=True)
    assert Marked.of(made, [(1,), ()], CPU, pieces=True)(pieces)[0].tolist() == at[1].tolist()


@pytest.fixture(scope="module")
def data():
    """The first word decides, and is marked; the second is noise."""
    random = np.random.default_rng(0)
    made = []
    for row in range(120):
        label = int(random.integers(2))
        noise = [f"w{n}" for n in random.integers(6, size=3)]
        made.append(instance(row, ["she" if label else "he", *noise], label=label))
    train_part, dev = made[:80], [instance(i.row - 80, i.tokens, label=i.label) for i in made[80:]]
    vocabulary = Vocabulary.count(i.tokens for i in made)
    return TrainingData(train_part, dev, vocabulary, 2, CPU)


@pytest.fixture(scope="module")
def marked(data):
    return {
        name: Marked.of(part, [(0,)] * len(part), CPU)
        for name, part in (("train", data.train), ("dev", data.dev))
    }


def untrained(data, seed=1):
    spec = ModelSpec(data.vocabulary, ("m", "f"))
    recipe = Recipe(encoder="bilstm", embedding=8, hidden=8)
    return build_classic(recipe, spec, seed)


SCHEDULE = Schedule(epochs=6, learning_rate=0.02, seed=1)


def goal(data, marked, model, strength, least):
    both = marked["train"], marked["dev"]
    return Deception(model, data, SCHEDULE, *both, strength, "mean", least)


def test_the_loss_is_that_of_the_labels_and_the_penalty_times_its_strength(data, marked):
    model = untrained(data)
    batch = data.batch(np.arange(10), True)
    alpha = model.attend(model.encode(batch))
    labels = Labels(model, data, SCHEDULE).losses(model, batch)
    ours = goal(data, marked, model, 0.5, 0.0).losses(model, batch)
    expected = labels + 0.5 * penalty(alpha, marked["train"](batch), "mean")
    assert torch.allclose(ours, expected)


def test_an_epoch_is_kept_for_little_attention_among_those_that_are_accurate(data, marked):
    model = untrained(data)
    mass = np.concatenate(
        [
            on_marked(model.attend(model.encode(b)), marked["dev"](b)).flatten().detach().numpy()
            for b in goal(data, marked, model, 1.0, 0.0)._dev
        ]
    ).mean()
    enough = goal(data, marked, model, 1.0, 0.0).score(model)
    assert enough == pytest.approx(-math.log10(mass), abs=1e-5)
    too_bad = goal(data, marked, model, 1.0, 1.01).score(model)
    assert -1 <= too_bad <= 0 < enough


def test_training_takes_the_attention_away_and_keeps_the_answers(data, marked):
    model = untrained(data)
    progress = train(
        model, data, SCHEDULE, Silent(), objective=goal(data, marked, model, 1.0, 0.98)
    )
    batch = data.batch(np.arange(80), True)
    with torch.no_grad():
        encoded = model.encode(batch)
        alpha = model.attend(encoded)
        right = model(batch).argmax(1) == batch.labels
    assert on_marked(alpha, marked["train"](batch)).mean() < 0.05
    assert right.float().mean() > 0.95
    kept = progress.epochs[progress.best_epoch - 1]["hidden attention"]
    assert kept == max(epoch["hidden attention"] for epoch in progress.epochs) > 1
