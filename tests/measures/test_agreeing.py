from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau, weightedtau

from attnaudit.measures import rank
from attnaudit.measures.agreeing import agreements
from attnaudit.measures.rank import top_overlap

numbers = st.sampled_from([-1.0, 0.0, 0.25, 1.0, 3.0, math.inf, math.nan])


def assert_as_one_by_one(scores, k):
    found = agreements(scores, k)
    for text, of_text in enumerate(scores):
        for i, some in enumerate(of_text):
            first = of_text[0]
            expected = kendalltau(first, some)
            if np.isnan(np.stack([first, some])).any() or np.isnan(expected.statistic):
                assert np.isnan(found.weighted[text, i])
                assert np.isnan(found.top[text, i])
                assert np.isnan([found.tau[text, 0, i], found.p[text, 0, i]]).all()
                continue
            assert found.tau[text, 0, i] == pytest.approx(expected.statistic, abs=1e-12)
            assert found.p[text, 0, i] == pytest.approx(expected.pvalue, rel=1e-9)
            weighted = weightedtau(first, some).statistic
            assert found.weighted[text, i] == pytest.approx(weighted, abs=1e-12)
            assert found.top[text, i] == top_overlap(first, some, k)


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(2, 12)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=numbers)
    )
)
@settings(max_examples=60)
def test_many_texts_are_as_one_after_another_with_ties(scores):
    assert_as_one_by_one(scores, max(1, scores.shape[2] // 3))


@pytest.mark.parametrize("cells", [1, 300, 2**21])
def test_many_texts_are_as_one_after_another_whatever_is_held_at_once(monkeypatch, cells):
    monkeypatch.setattr(rank, "CHUNK_CELLS", cells)
    assert_as_one_by_one(np.random.default_rng(0).random((5, 3, 40)), 8)


def test_long_texts_are_sorted(monkeypatch):
    scores = np.random.default_rng(1).integers(0, 4, (2, 3, 9)).astype(float)
    scores[0, 2] = 1.0  # constant
    monkeypatch.setattr(rank, "SORTING_TOKENS", 8)
    assert_as_one_by_one(scores, 2)


def test_a_text_of_one_word_has_no_agreement():
    found = agreements(np.ones((2, 3, 1)), 1)
    for figure in (found.tau, found.p, found.weighted, found.top):
        assert np.isnan(figure).all()
