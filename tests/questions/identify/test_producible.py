from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.questions.identify.make.detached import Polytope
from attnaudit.questions.identify.make.producible import Scores, local, others

EXACT = 1e-11


def drawn(seed, n, k, softcap=None, biased=False):
    generator = np.random.default_rng(seed)
    bias = generator.normal(size=n) if biased else np.zeros(n)
    query = 2 * generator.normal(size=k) / k**0.5
    return Scores(generator.normal(size=(n, k)), query, bias, softcap)


def looked_at(scores, averaged, tolerance=EXACT):
    polytope = Polytope(scores.weights(scores.query), averaged, tolerance)
    return polytope, local(scores, polytope, averaged, tolerance)


def vectors(seed, n, d):
    return np.random.default_rng([seed, 1]).normal(size=(n, d))


@pytest.mark.parametrize("softcap", [None, 1.5])
def test_slopes_are_those_of_central_differences(softcap):
    scores = drawn(0, 7, 3, softcap, biased=True)
    step = 1e-6
    for k in range(3):
        ends = []
        for sign in (1, -1):
            query = scores.query.copy()
            query[k] += sign * step
            ends.append(scores.weights(query))
        expected = (ends[0] - ends[1]) / (2 * step)
        assert scores.slopes(scores.query)[:, k] == pytest.approx(expected, abs=1e-8)


def test_weights_are_the_softmax_of_scores():
    scores = Scores(np.array([[1.0], [0.0]]), np.array([np.log(3)]), np.array([0.0, 0.0]))
    assert scores.weights(scores.query) == pytest.approx([0.75, 0.25])
    capped = Scores(np.array([[1.0], [0.0]]), np.array([1e6]), np.array([0.0, 0.0]), np.log(3))
    assert capped.weights(capped.query) == pytest.approx([0.75, 0.25])
    biased = Scores(np.array([[1.0], [0.0]]), np.array([0.0]), np.array([np.log(3), 0.0]))
    assert biased.weights(biased.query) == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(
    ("n", "k", "d", "directions", "freedom"),
    [
        (60, 8, 8, 8, 0),  # as many values as keys: none, whatever the length
        (60, 8, 5, 8, 3),
        (60, 4, 9, 4, 0),
        (5, 8, 8, 4, 0),  # a query can move five weights in four directions
        (5, 8, 2, 4, 2),
        (1, 3, 3, 0, 0),
    ],
)
def test_local_freedom_of_vectors_in_no_special_position(n, k, d, directions, freedom):
    scores, averaged = drawn(1, n, k), vectors(1, n, d)
    polytope, found = looked_at(scores, averaged)
    assert (found.directions, found.freedom) == (directions, freedom)
    assert polytope.freedom == max(0, n - d - 1)
    assert (found.condition is None) == (freedom > 0 or not directions)


def test_keys_that_are_alike_give_no_direction():
    scores = drawn(0, 6, 3)
    same = Scores(np.full((6, 3), 4.0), scores.query, scores.bias)
    assert looked_at(same, vectors(0, 6, 3))[1].directions == 0
    # Nor does their rounding, in the tolerance that goes with it.
    noise = 4 * np.finfo(np.float32).eps * np.random.default_rng(0).normal(size=(6, 3))
    near = Scores(same.keys + noise, scores.query, scores.bias)
    eps = 6 * float(np.finfo(np.float32).eps)
    assert looked_at(near, vectors(0, 6, 3), eps)[1].directions == 0


def test_peaked_weights_keep_their_directions():
    """One weight is nearly 1: a difference of what is nearly the same would be lost."""
    scores = drawn(2, 12, 3)
    peaked = Scores(scores.keys, 12 * scores.query, scores.bias)
    weights = peaked.weights(peaked.query)
    assert weights.max() > 0.999
    assert looked_at(peaked, vectors(2, 12, 3))[1].directions == 3


def test_along_a_direction_of_freedom_the_output_stays():
    scores, averaged = drawn(3, 30, 6), vectors(3, 30, 4)
    assert looked_at(scores, averaged)[1].freedom == 2
    moved = scores.slopes(scores.query)
    free = np.linalg.svd(averaged.T @ moved)[2][4:]
    assert len(free) == 2
    own = scores.weights(scores.query)
    for direction in free:
        far = []
        for step in (1e-2, 1e-3):
            weights = scores.weights(scores.query + step * direction)
            assert np.abs(weights - own).max() > 0.01 * step
            far.append(np.abs((weights - own) @ averaged).max())
        assert far[1] < 0.02 * far[0]  # of second order


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 16),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([None, 2.0]),
)
def test_producible_weights_are_some_of_all(seed, n, k, d, softcap):
    scores, averaged = drawn(seed, n, k, softcap), vectors(seed, n, d)
    polytope, found = looked_at(scores, averaged)
    assert 0 <= found.freedom <= min(polytope.freedom, found.directions)
    assert found.directions <= min(n - 1, k)


# --- weights far away ---------------------------------------------------------------------------


def test_another_query_that_is_known():
    """Keys 0, 1, 2 and values 0, 1, 0: the middle weight is the same for q and -q."""
    scores = Scores(np.array([[0.0], [1.0], [2.0]]), np.array([1.0]), np.zeros(3))
    averaged = np.array([[0.0], [1.0], [0.0]])
    polytope, near = looked_at(scores, averaged)
    assert (polytope.freedom, near.freedom) == (1, 0)
    found = others(scores, polytope, 40, np.random.default_rng(0))
    assert found.members == pytest.approx(scores.weights(scores.query)[None, ::-1], abs=1e-8)
    assert found.same > 0
    assert found.same + found.unsolved < found.starts == 40


def test_none_where_the_output_grows_with_the_query():
    scores = Scores(np.array([[0.0], [1.0]]), np.array([0.5]), np.zeros(2))
    polytope, _ = looked_at(scores, np.array([[0.0], [1.0]]))
    found = others(scores, polytope, 10, np.random.default_rng(0))
    assert (found.same, found.unsolved, found.members.shape) == (10, 0, (0, 2))


def test_a_continuum_is_found_too_and_its_members_give_the_same():
    scores, averaged = drawn(4, 20, 5), vectors(4, 20, 3)
    polytope, near = looked_at(scores, averaged)
    assert near.freedom == 2
    found = others(scores, polytope, 6, np.random.default_rng(0))
    assert len(found.members) == 6 - found.same - found.unsolved > 0
    own = scores.weights(scores.query)
    for member in found.members:
        assert member @ averaged == pytest.approx(own @ averaged, abs=1e-7)
        assert np.abs(member - own).sum() / 2 > 1e-3


def test_no_start_finds_nothing():
    scores = drawn(0, 4, 2)
    polytope, _ = looked_at(scores, vectors(0, 4, 2))
    found = others(scores, polytope, 0, np.random.default_rng(0))
    assert (found.starts, found.same, found.members.shape) == (0, 0, (0, 4))
