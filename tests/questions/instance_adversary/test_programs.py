from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from attnaudit.questions.instance_adversary.make.nearby import Nearby
from attnaudit.questions.instance_adversary.make.programs import CLOSE, Programs


def drawn(seed, texts=6, tokens=8, classes=4, epsilon=0.02, spread=1.0):
    """Programs with padding in some texts, and what they maximise."""
    generator = np.random.default_rng(seed)
    content = np.arange(tokens) < generator.integers(3, tokens + 1, texts)[:, None]
    base = content * generator.random((texts, tokens))
    base /= base.sum(1, keepdims=True)
    logits = spread * generator.normal(size=(texts, tokens, classes))
    nearby = Nearby.of(base, logits, np.full(texts, epsilon), np.zeros(texts, bool))
    gains = generator.normal(size=(texts, tokens))
    return Programs.over(content, gains, classes), nearby, gains, content * 1.0, base


def by_library(programs, b, gains, low, high):
    """The value of a program over the limits that it has taken in."""
    used = np.isfinite(programs.widest[b])
    found = linprog(
        -gains[b],
        A_ub=programs.pulls[b, used] if used.any() else None,
        b_ub=programs.limits[b, used] if used.any() else None,
        A_eq=np.ones((1, len(gains[b]))),
        b_eq=[1.0],
        bounds=np.stack([low[b], high[b]], axis=1),
        method="highs-ds",
    )
    return -found.fun if found.status == 0 else None


@pytest.mark.parametrize("seed", range(6))
def test_solutions_are_optimal_and_break_no_limit(seed):
    programs, nearby, gains, high, _ = drawn(seed)
    low = np.zeros_like(high)
    q, empty = programs.solve(nearby, gains, low, high)
    assert not empty.any()
    assert q.sum(1) == pytest.approx(1, abs=1e-9)
    assert (q >= -1e-9).all()
    assert np.abs(q[high == 0]).max() <= 1e-12
    texts = np.arange(len(q))
    *_, over = nearby.limits(texts, nearby.logits(texts, q))
    assert (over <= CLOSE).all()
    assert np.isfinite(programs.widest).any()
    value, bound = (gains * q).sum(1), programs.bound(gains, low, high)
    assert bound == pytest.approx(value, abs=1e-8)
    for b in texts:
        assert by_library(programs, b, gains, low, high) == pytest.approx(value[b], abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_solved_ones_go_on_with_other_gains_and_bounds(seed):
    programs, nearby, gains, high, base = drawn(seed)
    low = np.zeros_like(high)
    programs.solve(nearby, gains, low, high)
    generator = np.random.default_rng(seed)
    for _ in range(4):
        other = generator.normal(size=gains.shape)
        floor = base * generator.random(base.shape)
        ceiling = base + (high - base) * generator.random(base.shape) ** 2
        q, empty = programs.solve(nearby, other, floor, ceiling)
        assert not empty.any()  # the base itself keeps the answer
        assert (q >= floor - 1e-9).all()
        assert (q <= ceiling + 1e-9).all()
        value, bound = (other * q).sum(1), programs.bound(other, floor, ceiling)
        assert bound == pytest.approx(value, abs=1e-7)
        for b in range(len(q)):
            best = by_library(programs, b, other, floor, ceiling)
            assert best == pytest.approx(value[b], abs=1e-7)


def test_bounds_that_no_weights_keep_to_are_told():
    programs, nearby, gains, high, _ = drawn(0, spread=8.0)
    low = np.zeros_like(high)
    low[:, 0] = 0.98  # all but one token: the answer is that token's
    q, empty = programs.solve(nearby, gains, low, high)
    texts = np.arange(len(q))
    alone = np.eye(high.shape[1])[np.zeros_like(texts)]
    far = nearby.moved(texts, nearby.logits(texts, alone)) > 0.5
    assert far.any()
    assert empty[far].all()
    assert np.isnan(q[empty]).all()


def test_a_program_does_not_depend_on_those_beside_it():
    programs, nearby, gains, high, _ = drawn(3)
    low = np.zeros_like(high)
    alone = [programs.take(np.array([b])) for b in range(len(gains))]
    q, _ = programs.solve(nearby, gains, low, high)
    for b, one in enumerate(alone):
        part = slice(b, b + 1)
        assert one.solve(nearby, gains[part], low[part], high[part])[0] == pytest.approx(
            q[part], abs=1e-9
        )


def test_joined_programs_are_solved_like_each():
    first, nearby, gains, high, _ = drawn(4)
    low = np.zeros_like(high)
    copy = first.take(np.arange(3))
    joined = Programs.joined([first, copy])
    both = [np.concatenate([x, x[:3]]) for x in (gains, low, high)]
    q, _ = joined.solve(nearby, *both)
    assert q[6:] == pytest.approx(q[:3], abs=1e-9)
    assert first.solve(nearby, gains, low, high)[0] == pytest.approx(q[:6], abs=1e-9)
