from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures import stability
from attnaudit.measures.divergences import LN2, jsd
from attnaudit.measures.stability import compare, shuffled_jsd

WEIGHTS = st.floats(0, 1).map(lambda x: 0.0 if x < 1e-6 else x)


def normalised(weights):
    weights = np.array(weights)
    return weights / weights.sum()


@st.composite
def two_texts(draw):
    n = draw(st.integers(2, 5))
    one = st.lists(WEIGHTS, min_size=n, max_size=n).filter(any)
    return normalised(draw(one)), normalised(draw(one))


@settings(deadline=None, max_examples=150)
@given(two_texts())
def test_the_closed_form_is_the_mean_over_all_orders(texts):
    p, q = texts
    orders = np.array(list(itertools.permutations(q)))
    expected = jsd(np.tile(p, (len(orders), 1)), orders).mean()
    assert shuffled_jsd(p, q) == pytest.approx(expected, abs=1e-12)
    assert shuffled_jsd(q, p) == pytest.approx(expected, abs=1e-12)
    assert jsd(p, q) <= 2 * shuffled_jsd(p, q) + 1e-12  # s is -1 and more


def test_shuffled_one_hot_weights():
    p, q = np.eye(5)[[0, 3]]
    assert shuffled_jsd(p, p) == pytest.approx(LN2 * 4 / 5)
    assert shuffled_jsd(p, q) == pytest.approx(LN2 * 4 / 5)
    uniform = np.full(5, 0.2)
    assert shuffled_jsd(uniform, uniform) == pytest.approx(0, abs=1e-15)
    assert shuffled_jsd(p, uniform) == pytest.approx(float(jsd(p, uniform)))


def flat(*texts):
    """Weights of one model: a list of texts, one after the other."""
    return np.concatenate([np.asarray(text, float) for text in texts])


def test_pairs_are_compared_text_by_text():
    words = [2, 3, 1]
    models = [
        flat([1, 0], [0.5, 0.3, 0.2], [1]),
        flat([0, 1], [0.5, 0.3, 0.2], [1]),
        flat([1, 0], [0.2, 0.3, 0.5], [1]),
    ]
    found = compare(models, words)
    assert found.models == 3
    assert found.used.tolist() == [True, True, False]
    apart = float(jsd([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]))
    assert found.jsd == pytest.approx(np.array([[LN2, 0], [0, apart], [LN2, apart]]))
    assert found.shuffled[:, 0] == pytest.approx(LN2 / 2)
    assert found.agree.tolist() == [[0, 1], [1, 0], [0, 0]]
    assert found.chance.tolist() == [1 / 2, 1 / 3]


def test_a_model_beside_itself():
    weights = np.random.default_rng(0).dirichlet(np.ones(7), 40).ravel()
    found = compare([weights, weights], [7] * 40)
    assert found.jsd.max() == 0  # exactly
    assert found.shuffled.min() > 0
    assert found.agree.min() == 1


def test_a_model_beside_its_own_shuffles():
    generator = np.random.default_rng(1)
    weights = generator.dirichlet(np.full(8, 0.3), 2000)
    shuffled = generator.permuted(weights, axis=1)
    found = compare([weights.ravel(), shuffled.ravel()], [8] * 2000)
    assert 1 - found.jsd.sum() / found.shuffled.sum() == pytest.approx(0, abs=0.03)
    assert found.agree.mean() == pytest.approx(1 / 8, abs=0.03)


def test_a_coin_per_text_between_two_places():
    """With all weight on one of two words, out of 10: half of the pairs agree."""
    generator = np.random.default_rng(2)
    chosen = generator.integers(0, 2, (2, 4000))
    found = compare(np.eye(10)[chosen].reshape(2, -1), [10] * 4000)
    s = 1 - found.jsd.sum() / found.shuffled.sum()
    assert s == pytest.approx(1 - 0.5 / 0.9, abs=0.03)


def test_weights_of_single_precision_are_scaled():
    weights = np.array([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]])
    other = np.stack([weights[0], weights[1] * 0.5]).astype(
        np.float32
    )  # as where mass lies outside
    found = compare(other.reshape(2, -1), [3])
    assert found.jsd[0, 0] == pytest.approx(0, abs=1e-13)


def test_a_text_without_any_weight_is_left_out():
    found = compare([flat([0.5, 0.5], [0, 0]), flat([0.9, 0.1], [1, 0])], [2, 2])
    assert found.used.tolist() == [True, False]
    assert found.jsd.shape == (1, 1)


def test_one_model_makes_no_pair():
    found = compare([[0.5, 0.5]], [2])
    assert found.jsd.shape == (0, 1)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_portions_change_nothing(seed, cells):
    generator = np.random.default_rng(seed)
    words = generator.integers(1, 7, 25)
    weights = generator.random((3, words.sum())).astype(np.float32)
    whole, before = compare(weights, words), stability.CELLS
    stability.CELLS = cells
    try:
        parts = compare(weights, words)
    finally:
        stability.CELLS = before
    assert np.array_equal(parts.jsd, whole.jsd)
    assert parts.shuffled == pytest.approx(whole.shuffled, abs=1e-14)
    starts = np.cumsum(words) - words
    for place, text in enumerate(np.flatnonzero(whole.used)):
        cut = slice(starts[text], starts[text] + words[text])
        p, q = (normalised(weights[model, cut].astype(float)) for model in (0, 2))
        assert whole.jsd[1, place] == pytest.approx(float(jsd(p, q)))
        assert whole.shuffled[1, place] == pytest.approx(float(shuffled_jsd(p, q)))


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="are not of 3 words"):
        compare([[0.5, 0.5]], [3])


def test_tiny_weights_make_no_trouble():
    p = np.array([1.0, 1e-320, 0.0])
    q = np.array([0.0, 1e-310, 1.0])
    assert shuffled_jsd(p, q) == pytest.approx(LN2 * 2 / 3)
    assert math.isfinite(float(shuffled_jsd(p, p)))
