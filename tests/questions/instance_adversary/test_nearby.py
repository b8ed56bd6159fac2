from __future__ import annotations

import numpy as np
import pytest

from attnaudit.questions.instance_adversary.make.nearby import Nearby, softmax


def drawn(seed, classes, epsilon, tangent=False, spread=2.0):
    """Five texts of six tokens."""
    generator = np.random.default_rng(seed)
    base = generator.dirichlet(np.ones(6), 5)
    tokens = spread * generator.normal(size=(5, 6, classes))
    return base, Nearby.of(base, tokens, np.full(5, epsilon), np.full(5, tangent))


def answers_within(p, epsilon, seed, count=400):
    """Answers within epsilon of p (C,): what some classes lose others gain, up to the bound."""
    generator = np.random.default_rng(seed)
    gains = generator.random((count, len(p))) < 0.5
    up = gains * generator.dirichlet(np.full(len(p), 0.3), count)
    down = ~gains * generator.dirichlet(np.full(len(p), 0.3), count)
    size = epsilon * np.where(generator.random(count) < 0.5, 1, generator.random(count))[:, None]
    up, down = (x / np.maximum(x.sum(1, keepdims=True), 1e-12) for x in (up, down))
    lost = np.minimum(size * down, p * (1 - 1e-12))
    return p + lost.sum(1, keepdims=True) * up - lost


@pytest.mark.parametrize("classes", [2, 3, 8])
@pytest.mark.parametrize("epsilon", [1e-4, 0.01, 0.3])
@pytest.mark.parametrize("spread", [0.3, 4.0])
def test_safe_limits_hold_for_every_answer_within_epsilon(classes, epsilon, spread):
    _, nearby = drawn(0, classes, epsilon, spread=spread)
    generator, texts = np.random.default_rng(1), np.arange(5)
    met = 0
    for reach in (0.1, 1.0, 10.0):
        logits = reach * generator.normal(size=(5, classes))
        normal, limit, over = nearby.limits(texts, logits)
        known = np.isfinite(over)
        assert normal[known].sum(1) == pytest.approx(0, abs=1e-12)
        for b in texts[np.isfinite(over)]:
            said = answers_within(nearby.chances[b], epsilon, b)
            inside = np.abs(said - nearby.chances[b]).sum(1) <= 2 * epsilon + 1e-12
            assert inside.mean() > 0.9
            assert (np.log(said[inside]) @ normal[b]).max() <= limit[b] + 1e-9
            met += 1
        assert over == pytest.approx(
            np.where(np.isfinite(over), (normal * logits).sum(1) - limit, -np.inf)
        )
    assert met > 0 or nearby.chances.max() < 2 * epsilon


def test_safe_limits_of_small_changes_are_near_what_answers_attain():
    _, nearby = drawn(2, 3, 0.01, spread=0.3)
    normal, limit, _ = nearby.limits(np.arange(5), nearby.own + np.array([1.0, -0.4, 0.3]))
    for b in range(5):
        said = np.log(answers_within(nearby.chances[b], 0.01, b, 4000))
        at = nearby.own[b] @ normal[b]
        assert (said @ normal[b]).max() - at > 0.8 * (limit[b] - at) > 0


def test_tangent_limits_touch_where_the_way_leaves_the_answers_nearby():
    _, nearby = drawn(3, 4, 0.02, tangent=True)
    texts = np.arange(5)
    away = nearby.own + np.random.default_rng(4).normal(size=(5, 4))
    normal, limit, over = nearby.limits(texts, away)
    assert (over > 0).all()
    steps = np.linspace(0, 1, 2001)[:, None, None]
    way = nearby.own + steps * (away - nearby.own)  # (S, 5, C)
    far = np.abs(softmax(way) - nearby.chances).sum(-1) / 2  # (S, 5)
    beyond = (normal * way).sum(-1) > limit
    for b in texts:
        out = far[beyond[:, b].argmax(), b]
        assert 0.02 * 0.999 <= out <= 0.02 * 1.6  # just outside


def test_what_is_pulled_back_is_nearby_and_on_the_way():
    base, nearby = drawn(5, 3, 0.05)
    texts = np.arange(5)
    ends = np.eye(6)[:5]
    ends[0] = base[0]
    found = nearby.pulled_back(texts, base, ends)
    moved = nearby.moved(texts, nearby.logits(texts, found))
    assert (moved <= 0.05).all()
    assert found[0] == pytest.approx(base[0])
    assert moved[1:] == pytest.approx(0.05, abs=1e-6)
    share = (found - base)[1:].sum(0) / (ends - base)[1:].sum(0)
    assert np.isfinite(share).all()
    for b in texts[1:]:
        part = (found[b] - base[b]) / (ends[b] - base[b])
        assert part == pytest.approx(part[0])


def test_a_certain_answer_has_no_safe_limit_against_its_class():
    base = np.full((1, 2), 0.5)
    tokens = np.array([[[30.0, 0.0, 0.0], [30.0, 0.0, 0.0]]])
    nearby = Nearby.of(base, tokens, np.array([0.01]), np.array([False]))
    *_, over = nearby.limits(np.array([0]), np.array([[60.0, 0.0, 0.0]]))
    assert over[0] <= 0
    *_, over = nearby.limits(np.array([0]), np.array([[0.0, 30.0, 0.0]]))
    assert over[0] > 0
