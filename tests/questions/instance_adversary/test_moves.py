from __future__ import annotations

import numpy as np
import pytest

from attnaudit.measures.divergences import jsd
from attnaudit.questions.instance_adversary.make.moves import moved_on
from attnaudit.questions.instance_adversary.make.nearby import Nearby


def drawn(seed, texts=6, tokens=9, classes=3, epsilon=0.05):
    generator = np.random.default_rng(seed)
    content = np.arange(tokens) < generator.integers(3, tokens + 1, texts)[:, None]
    base = content * generator.random((texts, tokens))
    base /= base.sum(1, keepdims=True)
    logits = generator.normal(size=(texts, tokens, classes))
    nearby = Nearby.of(base, logits, np.full(texts, epsilon), np.zeros(texts, bool))
    return base, content, nearby


@pytest.mark.parametrize("seed", range(4))
def test_what_is_moved_on_keeps_the_answer_and_diverges_more(seed):
    base, content, nearby = drawn(seed)
    texts = np.arange(len(base))
    before = np.zeros(len(base))
    for sweeps in (1, 5, 30):
        found = moved_on(base, content, nearby, texts, base, sweeps)
        assert (found >= 0).all()
        assert found.sum(1) == pytest.approx(1, abs=1e-12)
        assert (found[~content] == 0).all()
        assert (nearby.moved(texts, nearby.logits(texts, found)) <= 0.05 + 1e-12).all()
        reached = jsd(found, base)
        assert (reached >= before - 1e-12).all()
        before = reached
    assert before.mean() > 0.1


def test_one_sweep_makes_the_best_of_all_moves():
    base, content, nearby = drawn(7)
    texts, tokens = np.arange(len(base)), base.shape[1]
    found = jsd(moved_on(base, content, nearby, texts, base, 1), base)
    for b in texts:
        best = 0.0
        for t in content[b].nonzero()[0]:
            for end in (1.0, -base[b, t] / (1 - base[b, t])):
                low, high, step = 0.0, 1.0, 1.0
                for _ in range(8):
                    q = base[b] + step * end * (np.eye(tokens)[t] - base[b])
                    fits = nearby.moved(texts[b : b + 1], q[None] @ nearby.tokens[b])[0] <= 0.05
                    low, high = (step, high) if fits else (low, step)
                    step = 1.0 if low == 1 else (low + high) / 2
                q = base[b] + low * end * (np.eye(tokens)[t] - base[b])
                best = max(best, float(jsd(q.clip(0), base[b])))
        assert found[b] == pytest.approx(best, abs=1e-9)


def test_only_the_texts_named_are_moved_and_nothing_moves_where_nothing_can():
    base, content, nearby = drawn(1)
    some = np.array([4, 2])
    every = moved_on(base, content, nearby, np.arange(len(base)), base, 3)
    part = moved_on(base[some], content[some], nearby, some, base[some], 3)
    assert part == pytest.approx(every[some], abs=1e-12)
    alone = np.array([[1.0]])
    lone = Nearby.of(alone, np.ones((1, 1, 3)), np.array([0.01]), np.array([False]))
    found = moved_on(alone, np.array([[True]]), lone, np.array([0]), alone, 3)
    assert found.tolist() == [[1.0]]
