"""The search on toys in which the largest divergence is known from a grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.measures.divergences import jsd, tvd
from attnaudit.models.interface import Encoded, Keys
from attnaudit.questions.ladder.make import search
from attnaudit.questions.ladder.make.rungs import Query, into_ball
from attnaudit.questions.ladder.make.search import (
    LEAST,
    Goal,
    Look,
    _Best,
    _go_back,
    _lead_back,
    climb,
)

TOKENS = 5
WHOLE = torch.ones(1, TOKENS, dtype=torch.bool)


class Linear:
    """A model of one head whose log-odds are the average of one number a token."""

    def __init__(self, values):
        self.values = torch.from_numpy(values)

    def read(self, encoded, alpha):
        z = (alpha[:, :, 0] * self.values).sum(-1)
        return torch.stack([torch.zeros_like(z), z], dim=-1)


def toy(seed, size=1):
    """A rung on which the query has so many dimensions, and what the model says of queries."""
    generator = np.random.default_rng(seed)
    keys, query = generator.normal(size=(TOKENS, size)), generator.normal(size=size)
    model = Linear(2 * generator.normal(size=TOKENS))

    def weights(queries):  # (N, size)
        scores = queries @ keys.T
        alpha = np.exp(scores - scores.max(1, keepdims=True))
        return alpha / alpha.sum(1, keepdims=True)

    own = torch.from_numpy(weights(query[None]))
    shape = (1, 1, -1, size)
    rung = Query(
        model,
        Encoded(WHOLE, WHOLE),
        Keys(torch.from_numpy(keys).view(shape), torch.from_numpy(query).view(1, 1, size)),
        own.unsqueeze(1),
    )
    return rung, goal_of(rung, own[0]), weights, query


def goal_of(rung, base, epsilon=0.01):
    probs = rung.look(torch.zeros(1, *rung.shape, dtype=torch.float64)).probs[0]
    return Goal(base, probs, lambda alpha: alpha[:, 0], epsilon)


def largest(rung, goal, weights, queries):
    """The largest JSD among queries that keep the answer."""
    alpha = weights(queries)
    z = alpha @ rung.model.values.numpy()
    said = np.stack([1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))], 1)
    far = jsd(alpha, goal.base.numpy())
    return far[tvd(said, goal.own.numpy()) <= goal.epsilon].max()


def run(rung, goal, starts=8, steps=100, seed=0):
    return climb(rung, goal, starts, steps, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(8))
def test_a_query_of_one_dimension_comes_to_the_best_of_a_grid(seed):
    rung, goal, weights, query = toy(seed)
    best = largest(rung, goal, weights, query + np.linspace(-60, 60, 600_001)[:, None])
    found = run(rung, goal)
    assert found.jsd == pytest.approx(best, abs=1e-3)
    assert found.jsd <= best + 1e-5  # which falls between two points of the grid
    assert found.tvd <= goal.epsilon


def test_a_query_of_two_dimensions_comes_to_the_best_of_a_grid():
    rung, goal, weights, query = toy(3, size=2)
    axis = np.linspace(-25, 25, 1501)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    best = largest(rung, goal, weights, query + grid)
    assert run(rung, goal).jsd >= 0.97 * best


def test_the_same_seed_finds_the_same():
    rung, goal, *_ = toy(0, size=2)
    one, other = run(rung, goal), run(rung, goal)
    assert one.jsd == other.jsd
    assert torch.equal(one.alpha, other.alpha)


def test_what_is_found_is_what_the_weights_say():
    for seed in range(5):
        rung, goal, *_ = toy(seed, size=3)
        found = run(rung, goal, starts=3, steps=20)
        said = rung.model.read(None, found.alpha[None, None]).softmax(-1)[0, 0]
        assert tvd(said.numpy(), goal.own.numpy()) == pytest.approx(found.tvd, abs=1e-12)
        assert found.tvd <= goal.epsilon
        assert jsd(found.alpha[0].numpy(), goal.base.numpy()) == pytest.approx(found.jsd, abs=1e-9)


class Plane:
    """Two tokens whose weights are those of a number in a ball; `answer` makes the log-odds."""

    shape = (1,)

    def __init__(self, radius=1.0, answer=lambda x: 0 * x):
        self.radius, self.answer = radius, answer

    def project(self, moved):
        return into_ball(moved)

    def look(self, moved):
        x = self.radius * moved[:, 0]
        z = self.answer(x)
        alpha = torch.stack([x, -x], -1).softmax(-1).unsqueeze(1)
        return Look(alpha, torch.stack([0 * z, z], -1).softmax(-1))


EVEN = torch.full((2,), 0.5, dtype=torch.float64)


def test_a_ball_in_closed_form():
    """Where the answer never moves, the edge of the ball is the farthest."""
    before = 0.0
    for radius in (0.1, 0.5, 2.0):
        rung = Plane(radius)
        found = run(rung, goal_of(rung, EVEN), steps=20)
        p = 1 / (1 + np.exp(-2 * radius))
        assert found.jsd == pytest.approx(float(jsd([p, 1 - p], [0.5, 0.5])), rel=1e-3)
        assert found.jsd > before
        before = found.jsd


def test_the_answer_bounds_the_way():
    """Log-odds of 4 x: the answer has moved by .01 at x = .01."""
    rung = Plane(1.0, lambda x: 4 * x)
    found = run(rung, goal_of(rung, EVEN))
    x = np.log(0.51 / 0.49) / 4
    p = 1 / (1 + np.exp(-2 * x))
    assert found.tvd == pytest.approx(0.01, rel=1e-3)
    assert found.jsd == pytest.approx(float(jsd([p, 1 - p], [0.5, 0.5])), rel=1e-2)


class Steep(Plane):
    """Weights of one number, and log-odds of `slope` times another one."""

    shape = (2,)

    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def look(self, moved):
        said = Plane(1, lambda x: self.slope * x).look(moved[:, 1:])
        return Look(super().look(moved).alpha, said.probs)


def test_an_end_far_over_the_bound_is_led_back_the_short_way():
    """Attention follows one number, and the answer another one, of which .001 is too much.

    The straight way to the model's own gives both up; the short way, that of the answer alone.
    """

    rung, end = Steep(40), torch.tensor([[0.8, 0.02]], dtype=torch.float64)
    goal = goal_of(rung, EVEN)
    straight, short = _Best(goal), _Best(goal)
    _go_back(rung, straight, end)
    _lead_back(rung, short, end)
    p = 1 / (1 + np.exp(-2 * 0.8))
    assert short.far == pytest.approx(float(jsd([p, 1 - p], [0.5, 0.5])), rel=1e-2)
    assert straight.far < 0.01 * short.far
    assert float(goal.moved(rung.look(short.moved[None]))) <= goal.epsilon


def test_a_search_leads_its_ends_back(monkeypatch):
    """Without a step uphill its ends are its starts, nearly all of them over the bound."""
    rung = Steep(4)
    goal = goal_of(rung, EVEN)
    found = run(rung, goal, starts=4, steps=0)
    monkeypatch.setattr(search, "RETURNS", 0)
    assert found.jsd > 2 * run(rung, goal, starts=4, steps=0).jsd
    assert found.tvd <= goal.epsilon


def test_a_ball_of_nothing_finds_nothing():
    rung = Plane(0.0)
    assert run(rung, goal_of(rung, EVEN)) is None


def test_what_breaks_the_bound_when_it_is_read_by_itself_is_not_found():
    class Unsteady(Plane):
        def look(self, moved):
            self.answer = (lambda x: 0 * x + 1) if len(moved) == 1 else (lambda x: 0 * x)
            return super().look(moved)

    steady = Plane()
    goal = goal_of(steady, EVEN)
    assert run(steady, goal)
    assert run(Unsteady(), goal) is None


def test_attention_that_leaves_the_words_cannot_be_shown():
    """Of three tokens the last is no word; nearly all attention may go there."""

    class Leaving(Plane):
        def look(self, moved):
            x = 30 * moved[:, 0]
            alpha = torch.stack([0 * x, 0.01 * x, x], -1).softmax(-1).unsqueeze(1)
            return Look(alpha, super().look(moved).probs)

    rung = Leaving()
    probs = rung.look(torch.zeros(1, 1, dtype=torch.float64)).probs[0]
    goal = Goal(EVEN, probs, lambda alpha: alpha[:, 0, :2], 0.01)
    found = run(rung, goal)
    assert float(found.alpha[0, :2].sum()) >= LEAST
