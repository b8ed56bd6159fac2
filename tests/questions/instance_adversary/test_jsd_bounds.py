from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from attnaudit.measures.divergences import jsd, max_jsd
from attnaudit.questions.instance_adversary.make import jsd_bounds
from attnaudit.questions.instance_adversary.make.jsd_bounds import bounds
from attnaudit.questions.instance_adversary.make.largest_jsd import farthest_vertices, slab


def drawn(seed, n, classes, spread=1.5):
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.full(n, 0.7)), spread * generator.normal(size=(n, classes))


def moved(weights, base, tokens):
    return np.abs(softmax(weights @ tokens, -1) - softmax(base @ tokens, -1)).sum(-1) / 2


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.5])
def test_bounds_hold_for_every_feasible_point(classes, epsilon):
    for seed in range(6):
        n = 3 + seed
        base, tokens = drawn(seed, n, classes)
        upper, found = bounds(base, tokens, epsilon)
        assert found.min() >= 0
        assert found.sum() == pytest.approx(1, abs=1e-9)
        assert moved(found, base, tokens) <= epsilon + 1e-9
        assert jsd(found, base) <= upper + 1e-12 <= max_jsd(base) + 1e-9
        points = np.random.default_rng(seed).dirichlet(np.full(n, 0.3), 1000)
        steps = np.linspace(0, 1, 40)[:, None, None]
        points = (base + steps * (points - base)).reshape(-1, n)
        points = points[moved(points, base, tokens) <= epsilon]
        assert jsd(points, base).max() <= upper + 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_two_classes_lie_between_the_bounds_and_the_lower_one_is_near(seed):
    base, tokens = drawn(seed, 12, 2)
    upper, found = bounds(base, tokens, 0.02)
    logits = tokens[:, 1] - tokens[:, 0]
    low, high = slab(np.array([base @ logits]), 0.02)
    every = np.ones((1, 12), bool)
    exact = farthest_vertices(base[None], logits[None], every, low, high)[1][0, 0]
    assert jsd(found, base) <= exact + 1e-9
    assert exact <= upper + 1e-12
    assert jsd(found, base) > exact - 0.05


def test_an_alternative_that_moves_nothing_attains_the_cap():
    base = np.array([0.5, 0.3, 0.2])
    upper, found = bounds(base, np.ones((3, 4)), 0.01)
    assert found == pytest.approx([0, 0, 1], abs=1e-9)
    assert upper == pytest.approx(float(max_jsd(base)), abs=1e-9)


def test_one_token_alone():
    upper, found = bounds(np.array([1.0]), np.array([[1.0, 2.0, 3.0]]), 0.01)
    assert found.tolist() == [1.0]
    assert upper == pytest.approx(0, abs=1e-12)


def test_without_a_solution_the_upper_bound_is_the_cap(monkeypatch):
    class Failed:
        status = 4

    monkeypatch.setattr(jsd_bounds, "linprog", lambda *args, **kwargs: Failed)
    base, tokens = drawn(0, 6, 3)
    upper, found = bounds(base, tokens, 0.01)
    assert upper == pytest.approx(float(max_jsd(base)), abs=1e-12)
    assert np.array_equal(found, base)


def test_a_bound_from_wrong_multipliers_still_holds(monkeypatch):
    """Weak duality: whatever the solver says, nothing feasible lies above."""
    program = jsd_bounds._program

    def careless(gains, rows, limits):
        vertex, multipliers = program(gains, rows, limits)
        return vertex, multipliers * 0.7 + 0.01

    base, tokens = drawn(1, 8, 3)
    honest, _ = bounds(base, tokens, 0.05)
    monkeypatch.setattr(jsd_bounds, "_program", careless)
    assert bounds(base, tokens, 0.05)[0] >= honest - 1e-12


def test_sure_answers_leave_the_other_classes_free():
    base = np.array([0.9, 0.05, 0.05])
    tokens = np.array([[30.0, 0, 0], [25.0, 3, 0], [20.0, 0, 5]])
    upper, found = bounds(base, tokens, 0.01)
    assert jsd(found, base) == pytest.approx(float(max_jsd(base)), abs=1e-9)
    assert upper == pytest.approx(float(max_jsd(base)), abs=1e-9)
