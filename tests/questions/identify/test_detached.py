from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from attnaudit.measures.divergences import jsd
from attnaudit.questions.identify.make import detached
from attnaudit.questions.identify.make.detached import Polytope, column_space

EXACT = 1e-13


def drawn(seed, n, d, rank=None, sharp=1.0):
    """Weights (n,) and vectors (n, d) of some rank."""
    generator = np.random.default_rng(seed)
    rank = min(n, d) if rank is None else rank
    averaged = generator.normal(size=(n, rank)) @ generator.normal(size=(rank, d))
    scores = sharp * generator.normal(size=n)
    return np.exp(scores) / np.exp(scores).sum(), averaged


def is_member(member, weights, averaged):
    assert (member >= 0).all()
    assert member.sum() == pytest.approx(1, abs=1e-8)
    assert member @ averaged == pytest.approx(weights @ averaged, abs=1e-7)


# --- how free weights are ----------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 4, 5, 6, 9, 20])
def test_freedom_is_what_length_leaves_beyond_the_size_of_a_head(n):
    """n - (d + 1) for vectors in no special position, with d = 4."""
    found = Polytope(*drawn(n, n, 4), EXACT)
    assert found.freedom == max(0, n - 5)
    assert found.fixed.all() == (n <= 5)
    if n > 5:
        assert not found.fixed.any()


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_freedom_of_vectors_of_known_rank(rank):
    weights, averaged = drawn(0, 8, 5, rank)
    assert Polytope(weights, averaged, EXACT).freedom == 8 - rank - 1


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_neither_the_unit_nor_the_origin_has_a_say(unit):
    weights, averaged = drawn(1, 9, 4)
    for other in (averaged * unit, averaged + 30.0):
        assert Polytope(weights, other, 1e-9).freedom == 4


def test_rounding_is_no_direction():
    """Vectors that differ by the rounding of float32 alone are the same for its tolerance."""
    weights, averaged = drawn(2, 6, 8)
    averaged[1] = averaged[0] * (1 + 1e-7)
    eps = float(np.finfo(np.float32).eps)
    assert Polytope(weights, averaged, 9 * eps).freedom == 1
    assert Polytope(weights, averaged, EXACT).freedom == 0


def test_two_equal_tokens_share_their_weight_as_they_like():
    weights, averaged = drawn(3, 5, 6)
    averaged[3] = averaged[1]
    found = Polytope(weights, averaged, EXACT)
    both = weights[1] + weights[3]
    assert found.freedom == 1
    assert found.fixed.tolist() == [True, False, True, False, True]
    ends = found.ends()
    assert ends.low == pytest.approx([weights[0], 0, weights[2], 0, weights[4]], abs=1e-9)
    assert ends.high == pytest.approx([weights[0], both, weights[2], both, weights[4]], abs=1e-9)
    assert ends.support == 4
    even = weights.copy()
    even[[1, 3]] = both / 2
    assert found.least_norm() == pytest.approx(even, abs=1e-12)


def test_equal_vectors_pin_nothing_down():
    weights, _ = drawn(4, 6, 1)
    found = Polytope(weights, np.ones((6, 3)), EXACT)
    assert found.freedom == 5
    assert found.least_norm() == pytest.approx(np.full(6, 1 / 6), abs=1e-12)
    ends = found.ends()
    assert (ends.low.tolist(), ends.support) == ([0.0] * 6, 1)
    assert ends.high == pytest.approx(np.ones(6), abs=1e-9)


def test_one_token_has_all_the_weight():
    found = Polytope(np.array([1.0]), np.array([[2.0, 3.0]]), EXACT)
    assert (found.freedom, found.fixed.tolist()) == (0, [True])
    assert found.least_norm().tolist() == pytest.approx([1.0])
    ends = found.ends()
    assert (ends.low.tolist(), ends.high.tolist(), ends.support) == ([1.0], [1.0], 1)


LINE = np.array([[0.0], [1.0], [2.0]])  # three tokens whose vectors lie on a line


@pytest.mark.parametrize(
    ("weights", "face", "freedom", "low", "high"),
    [
        ([0.5, 0.0, 0.5], [True] * 3, 1, [0, 0, 0], [0.5, 1, 0.5]),
        ([0.0, 1.0, 0.0], [True] * 3, 1, [0, 0, 0], [0.5, 1, 0.5]),
        ([1.0, 0.0, 0.0], [True, False, False], 0, [1, 0, 0], [1, 0, 0]),
        ([0.5, 0.5, 0.0], [True] * 3, 1, [0.5, 0, 0], [0.75, 0.5, 0.25]),
    ],
)
def test_weights_of_exactly_0_rise_where_they_can(weights, face, freedom, low, high):
    found = Polytope(np.array(weights), LINE, EXACT)
    assert (found.face.tolist(), found.freedom) == (face, freedom)
    ends = found.ends()
    assert ends.low == pytest.approx(low, abs=1e-9)
    assert ends.high == pytest.approx(high, abs=1e-9)
    is_member(found.least_norm(), np.array(weights), LINE)


# --- members ------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 14), st.integers(1, 5), st.floats(0.1, 4))
def test_members_are_what_they_must_be(seed, n, d, sharp):
    weights, averaged = drawn(seed, n, d, sharp=sharp)
    found = Polytope(weights, averaged, EXACT)
    even, ends = found.least_norm(), found.ends()
    for member in (even, ends.sparsest, *ends.members):
        is_member(member, weights, averaged)
        assert (ends.low - 1e-7 <= member).all()
        assert (member <= ends.high + 1e-7).all()
        # No member is more even: the slope of the norm at it points at none.
        assert even @ (member - even) >= -1e-7
    assert np.linalg.norm(even) <= np.linalg.norm(weights) + 1e-9
    assert (ends.low >= 0).all()
    assert (ends.low <= ends.high + 1e-7).all()
    if found.freedom:
        assert ends.support <= n - found.freedom
    else:
        assert even == pytest.approx(weights, abs=1e-9)
        assert ends.high - ends.low == pytest.approx(np.zeros(n), abs=1e-12)


def corners_of(weights, averaged):
    """Every corner of the polytope: each choice of as many tokens as the rank."""
    rows = np.hstack([averaged, np.ones((len(weights), 1))])
    kept, rank = weights @ rows, np.linalg.matrix_rank(rows)
    made = []
    for chosen in itertools.combinations(range(len(weights)), rank):
        part = rows[list(chosen)]
        if np.linalg.matrix_rank(part) < rank:
            continue
        solved = np.linalg.lstsq(part.T, kept, rcond=None)[0]
        if (solved >= -1e-10).all():
            made.append(np.zeros(len(weights)))
            made[-1][list(chosen)] = solved
    return np.array(made)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n", "d"), [(4, 1), (6, 2), (7, 3)])
def test_intervals_are_those_of_all_corners(seed, n, d):
    weights, averaged = drawn(seed, n, d)
    corners, ends = corners_of(weights, averaged), Polytope(weights, averaged, EXACT).ends()
    assert ends.low == pytest.approx(corners.min(0), abs=1e-7)
    assert ends.high == pytest.approx(corners.max(0), abs=1e-7)
    assert ends.support == (corners > 1e-9).sum(1).min()
    assert (ends.low <= weights).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_least_norm_is_that_of_two_other_ways(seed):
    weights, averaged = drawn(seed, 16, 6, sharp=3.0)
    found = Polytope(weights, averaged, EXACT)
    even = found.least_norm()
    assert (even == 0).any()  # the bound at 0 has a say
    other = detached._least_distance(found.basis, weights)
    assert even == pytest.approx(other, abs=1e-9)
    slow = minimize(
        lambda b: b @ b,
        weights,
        jac=lambda b: 2 * b,
        bounds=[(0, 1)] * 16,
        constraints={"type": "eq", "fun": lambda b: found.basis.T @ (b - weights)},
        options={"ftol": 1e-15, "maxiter": 500},
    )
    assert even == pytest.approx(slow.x, abs=1e-5)


def test_a_slow_way_is_taken_where_the_quick_one_does_not_end(monkeypatch):
    weights, averaged = drawn(0, 12, 3, sharp=2.0)
    quick = Polytope(weights, averaged, EXACT).least_norm()
    monkeypatch.setattr(detached, "_STEPS", 0)
    assert Polytope(weights, averaged, EXACT).least_norm() == pytest.approx(quick, abs=1e-9)


def test_forty_tokens_of_a_head_of_eight():
    weights, averaged = drawn(0, 40, 8, sharp=2**0.5)
    found = Polytope(weights, averaged, EXACT)
    even, basis = found.least_norm(), found.basis
    signed = basis @ (basis.T @ weights)  # of least norm, were negative weights allowed
    norms = [np.linalg.norm(b) for b in (signed, even, weights)]
    assert norms == sorted(norms)
    sparse = found._corner(1 / weights)
    is_member(sparse, weights, averaged)
    assert (sparse > 1e-9).sum() == 9  # the rank
    assert 0 < jsd(weights, even) < jsd(weights, sparse)


def test_a_linear_program_that_fails_leaves_its_end_open(monkeypatch):
    class Failed:
        status = 4

    monkeypatch.setattr(detached, "linprog", lambda *args, **kwargs: Failed)
    weights, averaged = drawn(0, 6, 2)
    ends = Polytope(weights, averaged, EXACT).ends()
    assert np.isnan(ends.low).all()
    assert np.isnan(ends.high).all()
    assert ends.sparsest == pytest.approx(weights)


def test_a_column_space_leaves_out_small_directions():
    matrix = np.diag([2.0, 1.0, 1e-7])
    assert column_space(matrix, 1e-6).shape == (3, 2)
    assert column_space(matrix, 1e-6, reference=1e8).shape == (3, 0)
    assert column_space(np.zeros((3, 2)), 1e-6).shape == (3, 0)
