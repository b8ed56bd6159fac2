from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from attnaudit.measures.counted import (
    auroc_of_counts,
    f1_of_counts,
    median_of_counts,
    spearman_of_counts,
)
from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.scores import auroc, f1

LEVELS = st.sampled_from([0.1, 0.3, 0.5, 0.7])


@st.composite
def resamples(draw, classes=2):
    """Gold classes, probabilities, and a bootstrap of the instances or of groups of them."""
    n = draw(st.integers(1, 12))
    some = st.lists(LEVELS, min_size=n, max_size=n)
    gold = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    probs = np.stack([draw(some) for _ in range(classes)], axis=1)
    groups = draw(st.none() | st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return np.array(gold), probs, Bootstrap(n, groups, draws=20)


@settings(deadline=None, max_examples=50)
@given(resamples(), resamples(classes=4))
def test_f1_of_every_resample_is_that_of_its_rows(two, four):
    for gold, probs, bootstrap in (two, four):
        expected = bootstrap.statistic(f1, gold, probs)
        assert bootstrap.counted(f1_of_counts(gold, probs)) == expected


@settings(deadline=None, max_examples=50)
@given(resamples())
def test_auroc_of_every_resample_is_that_of_its_rows(made):
    gold, probs, bootstrap = made
    expected = bootstrap.statistic(auroc, gold, probs)
    assert bootstrap.counted(auroc_of_counts(gold, probs[:, 1])) == expected


@settings(deadline=None, max_examples=50)
@given(resamples())
def test_the_median_of_every_resample_is_that_of_its_rows(made):
    _, probs, bootstrap = made
    expected = bootstrap.statistic(lambda x: float(np.median(x)), probs[:, 0])
    assert bootstrap.counted(median_of_counts(probs[:, 0])) == expected


@settings(deadline=None, max_examples=50)
@given(resamples(), st.data())
def test_the_rank_correlation_of_every_resample_is_that_of_its_rows(made, data):
    _, probs, bootstrap = made
    a, b = probs.T
    undefined = data.draw(st.lists(st.booleans(), min_size=len(a), max_size=len(a)))
    a[undefined] = np.nan

    def spearman(a, b):
        known = ~np.isnan(a)
        if len({*a[known]}) < 2 or len({*b[known]}) < 2:
            return None
        return float(spearmanr(a[known], b[known]).statistic)

    expected, found = (
        bootstrap.statistic(spearman, a, b),
        bootstrap.counted(spearman_of_counts(a, b)),
    )
    assert (found.n, found.undefined, found.reason) == (
        expected.n,
        expected.undefined,
        expected.reason,
    )
    for ours, theirs in ((found.value, expected.value), (found.ci_low, expected.ci_low)):
        assert ours == (None if theirs is None else pytest.approx(theirs, abs=1e-12))


def test_an_empty_resample_has_no_score():
    nobody, column = np.zeros(2, np.int64), np.array([0.1, 0.9])
    probs = np.stack([1 - column, column], axis=1)
    for score in (
        f1_of_counts([0, 1], probs),
        auroc_of_counts([0, 1], column),
        median_of_counts(column),
        spearman_of_counts(column, column),
    ):
        assert score(np.ones(2, np.int64)) is not None
        assert score(nobody) is None
