from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attnaudit.measures.divergences import jsd, kl, max_jsd, tvd

LN2 = math.log(2)


def distributions(rows: int) -> st.SearchStrategy[np.ndarray]:
    """`rows` distributions over the same 1 to 12 outcomes, zeros among them."""
    weights = st.one_of(st.just(0.0), st.floats(1e-9, 1.0))
    raw = st.integers(1, 12).flatmap(lambda n: arrays(np.float64, (rows, n), elements=weights))
    return raw.filter(lambda w: bool((w.sum(-1) > 0).all())).map(
        lambda w: w / w.sum(-1, keepdims=True)
    )


def test_values_worked_out_by_hand():
    p, q = [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]
    assert tvd(p, q) == pytest.approx(0.5)
    assert kl(p, q) == pytest.approx(LN2)
    m = [0.375, 0.375, 0.25]
    by_hand = sum(0.5 * a * math.log(a / c) for a, c in zip(p, m, strict=True) if a)
    by_hand += sum(0.5 * b * math.log(b / c) for b, c in zip(q, m, strict=True) if b)
    assert jsd(p, q) == pytest.approx(by_hand, abs=1e-15)


def test_binary_tvd_is_the_difference_in_probability():
    assert tvd([0.3, 0.7], [0.45, 0.55]) == pytest.approx(0.15)


def test_equal_gives_exactly_zero_and_disjoint_exactly_the_bound():
    p = np.full(7, 1 / 7)
    assert tvd(p, p) == kl(p, p) == jsd(p, p) == 0.0
    assert tvd([1.0, 0.0], [0.0, 1.0]) == 1.0
    assert jsd([1.0, 0.0], [0.0, 1.0]) == LN2
    assert kl([1.0, 0.0], [0.0, 1.0]) == math.inf


def test_the_smallest_positive_weight_does_no_harm():
    tiny = 5e-324
    assert jsd([1.0, tiny], [1.0, 0.0]) == pytest.approx(0.0, abs=1e-15)


@given(distributions(3))
def test_laws(rows):
    a, b, c = rows
    assert jsd(a, b) == jsd(b, a)
    assert 0 <= jsd(a, b) <= LN2
    assert 0 <= tvd(a, b) <= 1 + 1e-12
    assert tvd(a, b) ** 2 / 2 <= jsd(a, b) + 1e-12
    assert jsd(a, b) <= LN2 * tvd(a, b) + 1e-12
    assert tvd(a, b) <= math.sqrt(kl(a, b) / 2) + 1e-12
    # The root is a metric; rounding in the divergence is 1e-16, and 1e-8 in its root.
    assert math.sqrt(jsd(a, c)) <= math.sqrt(jsd(a, b)) + math.sqrt(jsd(b, c)) + 1e-7


def test_last_axis_and_broadcasting():
    p = np.array([[0.5, 0.5], [1.0, 0.0]])
    q = np.array([0.0, 1.0])
    assert tvd(p, q).shape == kl(p, q).shape == jsd(p, q).shape == (2,)
    assert tvd(p[:, None], p).shape == (2, 2)
    np.testing.assert_allclose(tvd(p, q), [0.5, 1.0])


@pytest.mark.parametrize("divergence", [tvd, kl, jsd])
def test_sizes_must_agree(divergence):
    with pytest.raises(ValueError, match=r"\(3,\) and \(1,\)"):
        divergence([0.2, 0.3, 0.5], [1.0])


@pytest.mark.parametrize(
    ("n", "expected"),
    [(1, 0.0), (2, 0.2158), (5, 0.4228), (10, 0.5256), (20, 0.5926), (100, 0.6651), (1000, 0.6892)],
)
def test_largest_jsd_against_uniform(n, expected):
    assert max_jsd(np.full(n, 1 / n)) == pytest.approx(expected, abs=5e-5)


def test_largest_jsd_where_a_weight_is_zero_is_ln2():
    assert max_jsd([0.0, 1.0]) == LN2


@given(distributions(2))
def test_no_distribution_exceeds_the_largest_jsd_and_a_vertex_attains_it(rows):
    alpha, other = rows
    assert jsd(alpha, other) <= max_jsd(alpha) + 1e-12
    assert jsd(alpha, np.eye(len(alpha))).max() == pytest.approx(max_jsd(alpha), abs=1e-12)


def test_largest_jsd_over_the_last_axis():
    alpha = np.array([[0.5, 0.5], [0.1, 0.9]])
    np.testing.assert_allclose(max_jsd(alpha), [max_jsd(alpha[0]), max_jsd(alpha[1])], rtol=1e-12)
