from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from attnaudit.measures.divergences import LN2, jsd, max_jsd
from attnaudit.questions.instance_adversary.make import largest_jsd
from attnaudit.questions.instance_adversary.make.largest_jsd import farthest_vertices, slab


def vertices(logits, low, high):
    """An oracle of its own: every vertex of {simplex and slab}, one by one."""
    n, found = len(logits), []
    unit = np.eye(n)
    for i in range(n):
        if low <= logits[i] <= high:
            found.append(unit[i])
        for j in range(n):
            for bound in (low, high):
                if logits[i] < bound < logits[j]:
                    w = (logits[j] - bound) / (logits[j] - logits[i])
                    found.append(w * unit[i] + (1 - w) * unit[j])
    return np.array(found)


def solve(base, logits, epsilon, count=1):
    """The farthest vertices of one instance, and how far apart."""
    base, logits = np.array([base], float), np.array([logits], float)
    low, high = slab((base * logits).sum(1), epsilon)
    content = np.ones_like(base, bool)
    weights, apart = farthest_vertices(base, logits, content, low, high, count)
    return weights[0], apart[0]


def drawn(seed, n, spread=2.0, concentration=0.5):
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.full(n, concentration)), spread * generator.normal(size=n)


def moved(weights, base, logits):
    return np.abs(expit(weights @ logits) - expit(base @ logits))


@pytest.mark.parametrize("logit", [-40.0, -3.0, 0.0, 1.5, 40.0])
@pytest.mark.parametrize("epsilon", [1e-5, 0.01, 0.3, 0.9])
def test_the_slab_is_where_the_answer_moves_by_epsilon(logit, epsilon):
    low, high = (float(x) for x in slab(np.array(logit), epsilon))
    assert low < logit < high
    p = expit(logit)
    assert low == -math.inf if p <= epsilon else p - expit(low) == pytest.approx(epsilon, abs=1e-14)
    if expit(-logit) <= epsilon:
        assert high == math.inf
    else:
        assert expit(high) - p == pytest.approx(epsilon, abs=1e-14)


def test_one_token_has_no_alternative():
    weights, apart = solve([1.0], [2.0], 0.01)
    assert weights.tolist() == [[1.0]]
    assert apart == 0


def test_where_the_answer_cannot_move_the_cap_is_attained():
    base = np.array([0.6, 0.3, 0.1])
    weights, apart = solve(base, [1.0, 1.0, 1.0], 0.01)
    assert weights.tolist() == [[0, 0, 1]]
    assert apart[0] == pytest.approx(max_jsd(base), abs=1e-15)


def test_two_tokens_by_hand():
    # p = .5, so that the slab is +-ln(.51 / .49), and so far from 1/2 the weights meet its ends.
    weights, apart = solve([0.5, 0.5], [-0.5, 0.5], 0.01)
    shift = math.log(0.51 / 0.49)
    assert sorted(weights[0]) == pytest.approx([0.5 - shift, 0.5 + shift])
    assert apart[0] == pytest.approx(float(jsd(weights[0], [0.5, 0.5])), abs=1e-15)


def test_a_sure_answer_is_bound_on_one_side_only():
    base, logits = [0.9, 0.05, 0.05], [20.0, 15.0, 400.0]
    weights, apart = solve(base, logits, 0.01)
    assert weights[0].tolist() == [0, 1, 0]
    assert apart[0] == pytest.approx(max_jsd(base), abs=1e-15)


def test_uniform_attention_over_many_tokens_comes_near_ln2():
    n = 1000
    logits = np.linspace(-3, 3, n)
    _, apart = solve(np.full(n, 1 / n), logits, 0.01)
    assert apart[0] == pytest.approx(max_jsd(np.full(n, 1 / n)), abs=1e-12)
    assert apart[0] < LN2


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_best_of_all_vertices_and_no_feasible_point_is_better(seed):
    n = 2 + seed % 9
    base, logits = drawn(seed, n)
    weights, apart = solve(base, logits, 0.02)
    low, high = (float(x) for x in slab(base @ logits, 0.02))
    assert apart[0] == pytest.approx(jsd(vertices(logits, low, high), base).max(), abs=1e-14)
    assert apart[0] == pytest.approx(float(jsd(weights[0], base)), abs=1e-14)
    # Feasible points of all kinds: random ones pulled back along the way from the base.
    generator = np.random.default_rng(seed)
    points = generator.dirichlet(np.full(n, 0.3), 2000)
    steps = np.linspace(0, 1, 50)[:, None, None]
    points = (base + steps * (points - base)).reshape(-1, n)
    points = points[moved(points, base, logits) <= 0.02]
    assert len(points) > 2000
    assert jsd(points, base).max() <= apart[0] + 1e-12


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(2, 60),
    st.sampled_from([1e-5, 0.01, 0.2, 0.6]),
    st.sampled_from([0.1, 3.0, 40.0]),
    st.integers(1, 4),
)
def test_what_is_found_is_a_feasible_distribution_below_the_cap(seed, n, epsilon, spread, count):
    base, logits = drawn(seed, n, spread)
    weights, apart = solve(base, logits, epsilon, count)
    assert (weights >= 0).all()
    assert weights.sum(1) == pytest.approx(1, abs=1e-12)
    assert ((weights > 0).sum(1) <= 2).all()
    assert (moved(weights, base, logits) <= epsilon + 1e-12).all()
    assert 0 <= apart[0] <= max_jsd(base) + 1e-12
    assert (np.diff(apart) <= 1e-12).all()


@pytest.mark.parametrize("starts", [1, 1000])
@pytest.mark.parametrize("n", [3, 30, 300])
def test_leaving_pairs_out_loses_nothing(monkeypatch, starts, n):
    """With 1000 starts at once nothing is left out in the first round, which is the only one."""
    base, logits = np.stack([drawn(seed, n) for seed in range(6)], axis=1)
    low, high = slab((base * logits).sum(1), 0.01)
    content = np.ones_like(base, bool)
    pruned = farthest_vertices(base, logits, content, low, high, 3)
    monkeypatch.setattr(largest_jsd, "STARTS", starts)
    other = farthest_vertices(base, logits, content, low, high, 3)
    np.testing.assert_allclose(pruned[1], other[1], rtol=0, atol=1e-12)


def test_instances_do_not_depend_on_each_other_nor_on_what_is_no_content():
    alone = [drawn(seed, n) for seed, n in enumerate((2, 5, 9))]
    base, logits = np.zeros((3, 12)), np.full((3, 12), 7.0)
    content = np.zeros((3, 12), bool)
    for b, (a, z) in enumerate(alone):
        base[b, 1 : 1 + len(a)], logits[b, 1 : 1 + len(a)] = a, z
        content[b, 1 : 1 + len(a)] = True
    low, high = slab((base * np.where(content, logits, 0)).sum(1), 0.01)
    weights, apart = farthest_vertices(base, logits, content, low, high, 2)
    assert (weights[~np.broadcast_to(content[:, None], weights.shape)] == 0).all()
    for b, (a, z) in enumerate(alone):
        one, distance = solve(a, z, 0.01, 2)
        assert weights[b][:, content[b]] == pytest.approx(one, abs=1e-12)
        assert apart[b] == pytest.approx(distance, abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_further_alternatives_are_the_farthest_vertices_from_all_before(seed):
    base, logits = drawn(seed, 7)
    weights, apart = solve(base, logits, 0.05, 4)
    low, high = (float(x) for x in slab(base @ logits, 0.05))
    every = vertices(logits, low, high)
    for k in range(4):
        before = np.vstack([base, weights[:k]])
        least = jsd(every[:, None], before[None]).min(1)
        assert apart[k] == pytest.approx(least.max(), abs=1e-12)


def test_where_there_are_too_few_vertices_they_repeat():
    _, apart = solve([0.5, 0.5], [-9.0, 9.0], 0.01, 4)
    assert apart[:2].min() > 1e-9
    assert apart[2:] == pytest.approx(0, abs=1e-12)


def test_a_slab_without_a_vertex_gives_the_base_back():
    base, logits = np.array([[0.5, 0.5]]), np.array([[0.0, 1.0]])
    content = np.ones_like(base, bool)
    weights, apart = farthest_vertices(base, logits, content, np.array([2.0]), np.array([3.0]))
    assert weights[0, 0].tolist() == [0.5, 0.5]
    assert apart[0, 0] == 0
