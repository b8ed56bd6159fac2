from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.scores import f1
from attnaudit.measures.two_level import f1_draws, mean_draws, two_level


def one_hot(predicted: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes)[predicted]


@st.composite
def predictions(draw):
    classes, n, seeds = draw(st.integers(2, 4)), draw(st.integers(2, 12)), draw(st.integers(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    gold, predicted = generator.integers(0, classes, n), generator.integers(0, classes, (seeds, n))
    groups = list(generator.integers(0, 4, n)) if draw(st.booleans()) else None
    return gold, predicted, classes, Bootstrap(n, groups, draws=20)


@settings(deadline=None, max_examples=60)
@given(predictions())
def test_f1_is_that_of_the_scores_on_every_resample(case):
    gold, predicted, classes, bootstrap = case
    points, draws = f1_draws(gold, predicted, classes, bootstrap)
    for s, said in enumerate(predicted):
        probs = one_hot(said, classes)
        score = f1(gold, probs)
        assert points[s] == pytest.approx(np.nan if score is None else score, nan_ok=True)
        if bootstrap.units < 2:
            assert np.isnan(draws).all()
            continue
        expected = [f1(gold[rows], probs[rows]) for rows in bootstrap._rows()]
        wanted = [np.nan if e is None else e for e in expected]
        assert draws[:, s] == pytest.approx(wanted, nan_ok=True)


@settings(deadline=None, max_examples=30)
@given(predictions())
def test_means_are_those_of_every_resample(case):
    _, values, _, bootstrap = case
    points, draws = mean_draws(values, bootstrap)
    assert points == pytest.approx(values.mean(1))
    if bootstrap.units > 1:
        wanted = [values[:, rows].mean(1) for rows in bootstrap._rows()]
        assert draws == pytest.approx(np.array(wanted))


def test_seeds_that_agree_have_the_interval_of_the_instances():
    values = np.random.default_rng(0).normal(size=40)
    bootstrap = Bootstrap(40)
    found = two_level(*mean_draws(np.tile(values, (4, 1)), bootstrap), 40)
    (expected,) = bootstrap.means(values[:, None])
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx(
        (expected.value, expected.ci_low, expected.ci_high)
    )
    assert found.n == 40


def test_instances_that_agree_have_the_t_interval_of_the_seeds():
    points = np.array([0.1, 0.2, 0.6])
    found = two_level(points, np.tile(points, (200_000, 1)), 10)
    # mean .3, sd .2646, t(2) at .975 is 4.3027: .3 +- .6573
    assert found.value == pytest.approx(0.3)
    assert found.ci_low == pytest.approx(-0.3573, abs=0.03)
    assert found.ci_high == pytest.approx(0.9573, abs=0.03)


def test_an_interval_is_cut_at_what_the_figure_can_be():
    points = np.array([0.1, 0.9])
    wide = two_level(points, np.tile(points, (1000, 1)), 10)
    assert wide.ci_low < 0 < 1 < wide.ci_high
    cut = two_level(points, np.tile(points, (1000, 1)), 10, (0.0, 1.0))
    assert (cut.value, cut.ci_low, cut.ci_high) == (0.5, 0.0, 1.0)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 6), st.integers(0, 10**6), st.floats(-3, 3), st.floats(0.01, 10), st.booleans()
)
def test_shifting_and_scaling_carry_over(seeds, seed, shift, scale, turned):
    generator = np.random.default_rng(seed)
    points, draws = generator.normal(size=seeds), generator.normal(size=(100, seeds))
    plain = two_level(points, draws, 9)
    moved = two_level(shift + scale * points, shift + scale * draws, 9)
    assert plain.ci_low is not None
    assert moved.ci_low == pytest.approx(shift + scale * plain.ci_low, abs=1e-9)
    assert moved.ci_high == pytest.approx(shift + scale * plain.ci_high, abs=1e-9)
    if turned:  # the order of the seeds does not matter
        again = two_level(points[::-1], draws[:, ::-1], 9)
        assert again.ci_low == pytest.approx(plain.ci_low)


def test_covers_a_gap_about_as_often_as_it_says():
    """Paired models with seed effects, and instances that all models find easy or hard."""
    generator = np.random.default_rng(1)
    covered, narrow, rounds = 0, 0, 300
    for _ in range(rounds):
        hard = generator.normal(0, 1.0, 300)
        seeds = generator.normal(0, 0.1, (5, 1))
        values = 0.2 + seeds + hard + generator.normal(0, 0.5, (5, 300))
        bootstrap = Bootstrap(300, draws=400, seed=int(generator.integers(1000)))
        points, draws = mean_draws(values, bootstrap)
        found = two_level(points, draws, 300)
        covered += found.ci_low <= 0.2 <= found.ci_high
        low, high = np.percentile(draws.mean(1), (2.5, 97.5))
        narrow += low <= 0.2 <= high
    assert 0.9 <= covered / rounds <= 0.995
    assert narrow < covered  # without the level of the seeds


def test_few_seeds_with_much_spread_are_covered_too():
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        points = generator.normal(size=3)
        found = two_level(points, np.tile(points, (500, 1)), 50)
        covered += found.ci_low <= 0 <= found.ci_high
    assert 0.92 <= covered / 400 <= 0.98


def test_the_same_figures_give_the_same_interval():
    generator = np.random.default_rng(3)
    points, draws = generator.normal(size=4), generator.normal(size=(50, 4))
    assert two_level(points, draws, 5) == two_level(points, draws, 5)


def test_one_seed_has_no_interval():
    found = two_level(np.array([0.7]), np.full((10, 1), 0.7), 20)
    assert (found.value, found.ci_low, found.ci_high) == (0.7, None, None)
    assert "one seed" in found.reason


def test_one_group_has_no_interval():
    bootstrap = Bootstrap(4, ["a"] * 4)
    for points, draws in (
        mean_draws(np.ones((2, 4)), bootstrap),
        f1_draws([0, 1, 1, 0], [[0, 1, 1, 0], [1, 1, 1, 1]], 2, bootstrap),
    ):
        found = two_level(points, draws, 4)
        assert found.value is not None
        assert found.ci_low is None
        assert "no resample" in found.reason


def test_what_a_seed_leaves_undefined_is_undefined():
    points, draws = f1_draws([0, 0], [[0, 1], [0, 0]], 2, Bootstrap(2))
    assert points[0] == 0
    assert np.isnan(points[1])  # class 1 is neither gold nor predicted
    found = two_level(points, draws, 2)
    assert (found.value, found.undefined) == (None, 2)
    assert found.reason


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"\(seeds, 3\)"):
        mean_draws(np.ones((2, 4)), Bootstrap(3))
    with pytest.raises(ValueError, match=r"\(seeds, 3\)"):
        f1_draws([0, 1, 1], [0, 1, 1], 2, Bootstrap(3))
    with pytest.raises(ValueError, match=r"\(draws, 2\)"):
        two_level(np.ones(2), np.ones((5, 3)), 4)


def test_two_thousand_resamples_of_sixteen_models_take_no_time():
    generator = np.random.default_rng(4)
    gold = generator.integers(0, 2, 1800)
    predicted = np.where(generator.random((16, 1800)) < 0.8, gold, 1 - gold)
    started = time.process_time()
    f1_draws(gold, predicted, 2, Bootstrap(1800))
    assert time.process_time() - started < 2  # about .1 s on a quiet machine
