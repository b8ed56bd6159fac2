from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from attnaudit.measures import rank
from attnaudit.measures.rank import (
    benjamini_hochberg,
    kendall_matrix,
    top_overlap,
    weighted_tau,
)

levels = st.sampled_from([-1.0, -0.0, 0.0, 0.25, 1.0, 3.0, math.inf, 1e-300])
numbers = st.one_of(levels, st.floats(-5, 5))


def assert_equal_to_scipy(scores: np.ndarray) -> None:
    tau, p = kendall_matrix(scores)
    for found in (tau, p):
        np.testing.assert_allclose(found, found.T, rtol=1e-9)
    for i, j in itertools.combinations_with_replacement(range(len(scores)), 2):
        expected = kendalltau(scores[i], scores[j])
        assert tau[i, j] == pytest.approx(expected.statistic, abs=1e-12, nan_ok=True)
        assert p[i, j] == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300, nan_ok=True)


@given(
    st.tuples(st.integers(1, 4), st.integers(2, 40)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=numbers)
    )
)
def test_equal_to_scipy_with_ties(scores):
    assert_equal_to_scipy(scores)


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
@example(33, 0)  # the last length with an exact p-value
@example(34, 0)
def test_equal_to_scipy_without_ties(n, seed):
    assert_equal_to_scipy(np.random.default_rng(seed).random((4, n)))


@pytest.mark.parametrize("n", [2, 3, 33, 34, 60, 170, 171, 172, 173, 400])
def test_equal_to_scipy_where_at_most_one_pair_disagrees(n):
    up = np.arange(float(n))
    one_swap, two_swaps = up.copy(), up.copy()
    one_swap[[0, 1]] = 1.0, 0.0
    two_swaps[[0, -1]] = two_swaps[[-1, 0]]
    assert_equal_to_scipy(np.stack([up, -up, one_swap, -one_swap, two_swaps]))


def test_equal_to_scipy_on_a_typical_instance():
    generator = np.random.default_rng(0)
    for n in (20, 57, 200):
        scores = generator.random((9, n))
        scores[4:] = scores[4:].round(1)
        scores[8] = (scores[8] > 0.5).astype(float)
        assert_equal_to_scipy(scores)


@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_p_values_against_all_permutations(n):
    up = np.arange(float(n))
    orders = np.array(list(itertools.permutations(up)))
    taus = np.array([kendall_matrix(np.stack([up, o]))[0][0, 1] for o in orders])
    for order in orders[:: max(1, len(orders) // 24)]:
        tau, p = kendall_matrix(np.stack([up, order]))
        by_count = np.mean(np.abs(taus) >= abs(tau[0, 1]) - 1e-12)
        assert p[0, 1] == pytest.approx(by_count)


def test_four_tokens_never_reach_significance_and_five_do():
    assert kendall_matrix([[1, 2, 3, 4], [1, 2, 3, 4]])[1][0, 1] == pytest.approx(2 / 24)
    assert kendall_matrix([[1, 2, 3, 4, 5]] * 2)[1][0, 1] == pytest.approx(2 / 120)


def test_tau_b_by_hand():
    # Pairs: (0,1) tied in a, (0,2) concordant, (1,2) discordant.
    tau, _ = kendall_matrix([[1, 1, 2], [1, 3, 2]])
    assert tau[0, 1] == 0.0
    tau, _ = kendall_matrix([[1, 1, 2], [1, 2, 3]])
    assert tau[0, 1] == pytest.approx(2 / math.sqrt(2 * 3))


@given(arrays(np.float64, (3, 12), elements=numbers), st.permutations(range(12)))
def test_order_of_tokens_and_monotone_change_do_not_matter(scores, order):
    tau, p = kendall_matrix(scores)
    places = np.unique(scores, return_inverse=True)[1].reshape(scores.shape)
    moved_tau, moved_p = kendall_matrix(places[:, order] ** 3.0)
    np.testing.assert_array_equal(moved_tau, tau)
    np.testing.assert_array_equal(moved_p, p)
    np.testing.assert_array_equal(tau, tau.T)
    np.testing.assert_array_equal(kendall_matrix(-scores)[0], tau)


@given(arrays(np.float64, 12, elements=numbers))
def test_a_list_agrees_wholly_with_itself_and_not_at_all_with_its_opposite(scores):
    tau, _ = kendall_matrix(np.stack([scores, -scores]))
    if len(set(scores)) > 1:
        assert tau.tolist() == [[1, -1], [-1, 1]]
    else:
        assert np.isnan(tau).all()


def test_constant_and_nan_rows_are_undefined_and_leave_the_others_alone():
    scores = np.array([[1.0, 2, 3, 4, 5], [7, 7, 7, 7, 7], [1, 2, np.nan, 4, 5], [5, 4, 3, 2, 1]])
    tau, p = kendall_matrix(scores)
    for undefined in (1, 2):
        assert np.isnan(tau[undefined]).all()
        assert np.isnan(tau[:, undefined]).all()
        assert np.isnan(p[undefined]).all()
    assert tau[0, 3] == -1
    assert p[0, 3] == pytest.approx(2 / 120)


@pytest.mark.parametrize("tokens", [0, 1])
def test_too_few_tokens_are_undefined(tokens):
    tau, p = kendall_matrix(np.ones((3, tokens)))
    assert tau.shape == p.shape == (3, 3)
    assert np.isnan(tau).all()
    assert np.isnan(p).all()


def test_needs_two_dimensions():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        kendall_matrix([1.0, 2.0, 3.0])


def test_chunks_do_not_change_the_result(monkeypatch):
    scores = np.random.default_rng(1).random((5, 90)).round(2)
    whole = kendall_matrix(scores)
    monkeypatch.setattr(rank, "CHUNK_CELLS", 5 * 90 * 7)
    np.testing.assert_array_equal(kendall_matrix(scores), whole)


def test_long_lists_take_another_way_to_the_same_result(monkeypatch):
    scores = np.random.default_rng(2).random((4, 620)).round(3)
    sorting = kendall_matrix(scores)
    monkeypatch.setattr(rank, "SORTING_TOKENS", 10_000)
    np.testing.assert_allclose(kendall_matrix(scores), sorting, rtol=1e-9)


@pytest.mark.parametrize(("measures", "tokens"), [(9, 5000), (60, 480)])
def test_memory_is_bounded(measures, tokens):
    scores = np.random.default_rng(3).random((measures, tokens))
    tracemalloc.start()
    tau, _ = kendall_matrix(scores[:9] if tokens > 1000 else scores)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.abs(tau - np.eye(len(tau))).max() < 0.2
    assert peak < 40e6


def test_weighted_tau_by_hand_and_by_definition():
    a, b = [3.0, 2.0, 1.0], [3.0, 1.0, 2.0]
    # Ranks 0, 1, 2 weigh 1, 1/2, 1/3; the last two are exchanged, in either list's ranks.
    total = (1 + 1 / 2) + (1 + 1 / 3) + (1 / 2 + 1 / 3)
    assert weighted_tau(a, b) == pytest.approx((total - 2 * (1 / 2 + 1 / 3)) / total)
    exchange_on_top = weighted_tau(a, [2.0, 3.0, 1.0])
    assert exchange_on_top < weighted_tau(a, b)


@given(
    arrays(np.float64, 8, elements=st.floats(-3, 3)),
    arrays(np.float64, 8, elements=st.sampled_from([0.0, 1.0, 2.0])),
    st.permutations(range(8)),
)
def test_weighted_tau_laws(a, b, order):
    tau = weighted_tau(a, b)
    assert weighted_tau(b, a) == pytest.approx(tau, nan_ok=True)
    assert weighted_tau(a[order], b[order]) == pytest.approx(tau, nan_ok=True)
    assert math.isnan(tau) == (len(set(a)) == 1 or len(set(b)) == 1)
    assert weighted_tau(a, a) == pytest.approx(math.nan if len(set(a)) == 1 else 1, nan_ok=True)


def test_weighted_tau_of_nan_is_nan():
    assert math.isnan(weighted_tau([1.0, math.nan, 2.0], [1.0, 2.0, 3.0]))
    assert math.isnan(weighted_tau([1.0, 2.0, 3.0], [1.0, math.nan, 2.0]))


def test_top_overlap_counts_common_tokens():
    assert top_overlap([5, 4, 3, 2, 1], [5, 1, 4, 3, 2], 2) == 0.5
    assert top_overlap([5, 4, 3, 2, 1], [1, 2, 3, 4, 5], 2) == 0.0
    assert top_overlap([5, 4, 3, 2, 1], [1, 2, 3, 4, 5], 5) == 1.0
    assert top_overlap([5, 4, 3], [math.inf, 1, 2], 1) == 1.0


@given(
    arrays(np.float64, 7, elements=st.sampled_from([0.0, 0.5, 1.0])),
    st.permutations(range(7)),
    st.integers(1, 7),
)
def test_top_overlap_is_expected_overlap_where_one_list_is_untied(a, untied, k):
    b = np.array(untied, float)
    top_b = set(np.argsort(-b)[:k])
    # All ways to break the ties of a are equally likely.
    overlaps = []
    for order in itertools.islice(itertools.permutations(range(7)), 0, None, 7):
        top_a = sorted(range(7), key=lambda i: (-a[i], order[i]))[:k]
        overlaps.append(len(top_b & set(top_a)) / k)
    exact = top_overlap(a, b, k)
    assert exact == pytest.approx(np.mean(overlaps), abs=0.08)
    assert top_overlap(b, a, k) == exact


@given(
    arrays(np.float64, 9, elements=numbers),
    arrays(np.float64, 9, elements=numbers),
    st.permutations(range(9)),
    st.integers(1, 9),
)
def test_top_overlap_laws(a, b, order, k):
    overlap = top_overlap(a, b, k)
    assert 0 <= overlap <= 1 + 1e-12
    assert top_overlap(b, a, k) == pytest.approx(overlap)
    assert top_overlap(a[order], b[order], k) == pytest.approx(overlap)
    assert top_overlap(a, a, k) == pytest.approx(1)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_top_overlap_chance_level(k):
    scores = np.array([0.0, 0.0, 0.2, 0.2, 0.9, 0.9, 0.9])
    mean = np.mean([top_overlap(scores, o, k) for o in itertools.permutations(range(7))])
    assert mean == pytest.approx(k / 7)
    assert top_overlap(np.ones(7), np.arange(7), k) == pytest.approx(k / 7)


@pytest.mark.parametrize(("a", "b", "k"), [([1], [1], 0), ([1], [1], 2), ([1, 2], [1], 1)])
def test_top_overlap_refuses_what_has_no_top(a, b, k):
    with pytest.raises(ValueError, match=f"no top {k}"):
        top_overlap(a, b, k)


def test_top_overlap_of_nan_is_nan():
    assert math.isnan(top_overlap([1.0, math.nan], [1.0, 2.0], 1))


def test_benjamini_hochberg_by_hand():
    # Thresholds .0125, .025, .0375, .05: the third is met, so the first three are found, though
    # the second misses its own.
    p = [0.037, 0.2, 0.001, 0.036]
    assert benjamini_hochberg(p).tolist() == [True, False, True, True]
    assert benjamini_hochberg(p, q=0.01).tolist() == [False, False, True, False]


def test_benjamini_hochberg_leaves_nan_out_of_the_count():
    assert benjamini_hochberg([0.02, math.nan, 0.05]).tolist() == [True, False, True]
    assert benjamini_hochberg([math.nan, math.nan]).tolist() == [False, False]
    assert benjamini_hochberg([]).tolist() == []


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1)), st.floats(0.01, 0.5))
def test_benjamini_hochberg_by_definition(p, q):
    ordered = np.sort(p)
    met = [i for i, value in enumerate(ordered) if value <= q * (i + 1) / len(p) * (1 - 1e-12)]
    least = np.count_nonzero(p <= ordered[met[-1]]) if met else 0
    missed = [i for i, value in enumerate(ordered) if value <= q * (i + 1) / len(p) * (1 + 1e-12)]
    most = np.count_nonzero(p <= ordered[missed[-1]]) if missed else 0
    assert least <= benjamini_hochberg(p, q).sum() <= most
