"""Each rung by a second route: random search, which may not find more, or a grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.measures.divergences import jsd
from attnaudit.models.interface import Encoded
from attnaudit.questions.ladder.make.radius import spacing
from attnaudit.questions.ladder.make.rungs import Query, State, WordEmbeddings
from attnaudit.questions.ladder.make.search import Goal, climb

DRAWS = 800


def rungs_of(model, batch):
    """The rungs of a text that are searched, with what the model attends to."""
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    made = {"query": Query(model, encoded, model.keys(encoded), alpha)}
    radius = 0.1 * spacing(model.embedding_table())
    made["words"] = WordEmbeddings(model, batch, model.embed(batch), radius)
    if hasattr(model, "begun"):
        states, row = model.begun(batch), int(model.audited_row(batch)[0])
        length = 0.1 * float(states[0, row].norm())
        made["state"] = State(model, batch, states, row, length, model.encode_begun)
    return made, encoded, alpha


def goal_of(rung, encoded, alpha, epsilon):
    """The goal of the audit: the mean of the heads over the words."""
    content = encoded.content[0]

    def show(weights):
        return weights.mean(1) * content

    base = show(alpha)[0]
    probs = rung.look(torch.zeros(1, *rung.shape).double()).probs[0]
    return Goal(base / base.sum(), probs, show, epsilon)


def drawn(rung, goal, generator):
    """The largest JSD among random displacements of all lengths that keep the answer."""
    noise = torch.from_numpy(generator.standard_normal((DRAWS, *rung.shape)))
    noise = noise / noise.norm(dim=-1, keepdim=True)
    reach = torch.from_numpy(10 ** generator.uniform(-2, 1, DRAWS))
    look = rung.look(rung.project(noise * reach.view(-1, *[1] * len(rung.shape))))
    far = goal.far(look, exact=True).masked_fill(~goal.fits(look, goal.epsilon), 0)
    return float(far.max())


@pytest.mark.parametrize("make", ["bert", "classic"])
@pytest.mark.parametrize("epsilon", [0.01, 0.2])
@torch.no_grad()
def test_random_search_finds_no_more(request, make, epsilon):
    model, batches = request.getfixturevalue(make)(lengths=(5,))
    (batch,) = batches
    rungs, encoded, alpha = rungs_of(model, batch)
    assert len(rungs) == (3 if make == "bert" else 2)
    for name, rung in rungs.items():
        goal = goal_of(rung, encoded, alpha, epsilon)
        generator = np.random.default_rng(1)
        most = drawn(rung, goal, generator)
        starts = 16 if name == "query" else 2  # as by default
        found = climb(rung, goal, starts, 30, np.random.default_rng(2))
        assert most > 0, name
        assert found.jsd >= 0.98 * most, name
        assert found.tvd <= epsilon, name


@torch.no_grad()
def test_random_weights_never_exceed_the_exact_maximum_or_the_upper_bound(classic, bert, made_of):
    generator = np.random.default_rng(0)
    for make in (classic, bert):
        model, batches = make(lengths=(5,))
        (batch,) = batches
        (record,) = made_of(model, batches, steps=3)
        encoded = model.encode(batch)
        alpha = model.attend(encoded)
        goal = goal_of(rungs_of(model, batch)[0]["query"], encoded, alpha, 0.01)
        heads, tokens = alpha.shape[1:]
        free = generator.dirichlet(np.full(tokens, 0.3), (DRAWS, heads))
        share = torch.from_numpy(generator.uniform(0, 1, (DRAWS, 1, 1)) ** 3)
        weights = share * torch.from_numpy(free) + (1 - share) * alpha
        said = model.read(encoded, weights.unsqueeze(0))[0].softmax(-1)
        fits = (said - goal.own).abs().sum(-1) / 2 <= 0.01
        shown = goal.show(weights)[fits].numpy()
        far = jsd(shown / shown.sum(-1, keepdims=True), goal.base.numpy())
        assert len(far) > 20
        assert far.max() <= record["weights"]["upper"] + 1e-9


class Dot:
    """Scores are dot products of embeddings with a vector of length 3; the answer never moves."""

    vector = torch.tensor([1.0, 2.0, 2.0]).double()

    def encode(self, batch, embeddings):
        self.scores = embeddings @ self.vector
        whole = torch.ones_like(self.scores, dtype=torch.bool)
        return Encoded(whole, whole)

    def attend(self, encoded):
        return self.scores.softmax(-1).unsqueeze(1)

    def read(self, encoded, alpha):
        return torch.zeros(*alpha.shape[:2], 2).double()


class Three:
    """A batch of one text of three words."""

    ids = content = torch.ones(1, 3, dtype=torch.bool)

    def select(self, rows):
        return self


def test_balls_of_words_come_to_the_best_of_a_grid():
    """A ball of radius r moves a score by up to 3 r, and each word by itself."""
    radius = 0.2
    own = torch.tensor([[[0.5, 0, 0], [0, 0.3, 0], [0, 0, -0.2]]]).double()
    rung = WordEmbeddings(Dot(), Three(), own, radius)
    base = rung.look(torch.zeros(1, 3, 3).double()).alpha[0, 0]
    goal = Goal(base, torch.full((2,), 0.5).double(), lambda alpha: alpha[:, 0], 0.01)
    axis = 3 * radius * np.linspace(-1, 1, 21)
    moves = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    scores = (own[0] @ Dot.vector).numpy() + moves
    weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    best = float(jsd(weights, base.numpy()).max())
    found = climb(rung, goal, 4, 50, np.random.default_rng(0))
    assert found.jsd == pytest.approx(best, rel=0.01)
    assert found.jsd <= best + 1e-6
