from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from attnaudit.measures import influence, scores
from attnaudit.measures.influence import f1_reach, f1_values
from attnaudit.measures.sample import Sample

UNIT = (0.0, 1.0)


@st.composite
def predictions(draw):
    classes, n, models = draw(st.integers(2, 4)), draw(st.integers(2, 14)), draw(st.integers(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    return generator.integers(0, classes, n), generator.integers(0, classes, (models, n)), classes


@settings(deadline=None, max_examples=80)
@given(predictions())
def test_f1_is_that_of_the_scores(case):
    gold, predicted, classes = case
    values = f1_values(gold, predicted, classes)
    for row, said in zip(values, predicted, strict=True):
        score = scores.f1(gold, np.eye(classes)[said])
        assert row.mean() == pytest.approx(np.nan if score is None else score, nan_ok=True)
        assert (influence.f1(gold, np.eye(classes)[said]) is None) == (score is None)


@settings(deadline=None, max_examples=80)
@given(predictions(), st.booleans())
def test_auroc_and_spearman_are_those_of_others(case, coarse):
    gold, predicted, _ = case
    gold = gold % 2
    shown = np.random.default_rng(len(gold)).random(len(gold))
    shown = shown.round(1) if coarse else shown
    found, score = influence.auroc(gold, shown), scores.auroc(gold, np.stack([1 - shown, shown], 1))
    assert (found is None) == (score is None)
    if found is not None:
        assert found.value == pytest.approx(score)
    found = influence.spearman(shown, predicted[0])
    if found is not None:
        assert found.value == pytest.approx(spearmanr(shown, predicted[0]).statistic)


def moved(figure, row, n, step=1e-4):
    """What giving an instance a little more weight adds to a figure, by brute force."""
    weights = np.ones(n)
    weights[row] += step * n
    return (figure(weights / weights.sum()) - figure(np.full(n, 1 / n))) / step


def weighted_f1(gold, said):
    def figure(w):
        return 2 * (w @ (gold * said)) / (w @ (gold + said))

    return figure


def weighted_auroc(gold, shown):
    def figure(w):
        beats = (shown[:, None] > shown) + (shown[:, None] == shown) / 2
        pairs = np.outer(w * (gold == 1), w * (gold == 0))
        return (pairs * beats).sum() / pairs.sum()

    return figure


def weighted_spearman(a, b):
    def figure(w):
        x, y = (((v[:, None] > v) + (v[:, None] == v) / 2) @ w for v in (a, b))
        x, y = x - w @ x, y - w @ y
        return w @ (x * y) / np.sqrt((w @ (x * x)) * (w @ (y * y)))

    return figure


def test_what_an_instance_adds_is_what_more_of_it_would_add():
    generator = np.random.default_rng(0)
    n = 40
    gold = generator.integers(0, 2, n)
    said = np.where(generator.random(n) < 0.8, gold, 1 - gold)
    shown, other = (gold + generator.normal(size=n)).round(1), generator.normal(size=n).round(1)
    for found, figure in (
        (f1_values(gold, said[None], 2)[0], weighted_f1(gold, said)),
        (influence.auroc(gold, shown).values, weighted_auroc(gold, shown)),
        (influence.spearman(shown, other).values, weighted_spearman(shown, other)),
    ):
        for row in range(n):
            assert found[row] - found.mean() == pytest.approx(moved(figure, row, n), abs=0.02)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("groups", [None, np.arange(600) // 6])
def test_the_variance_is_that_of_resamples(classes, groups):
    generator = np.random.default_rng(1)
    gold = generator.integers(0, classes, 600)
    shown = np.eye(classes)[gold] * 0.6 + generator.dirichlet(np.ones(classes), 600)
    sample = Sample(600, groups)
    unit = np.arange(600) if groups is None else groups
    members = [np.flatnonzero(unit == u) for u in range(unit.max() + 1)]
    draws = [
        np.concatenate([members[u] for u in generator.integers(0, len(members), len(members))])
        for _ in range(600)
    ]
    cases = [(influence.f1(gold, shown), scores.f1)]
    if classes == 2:
        cases.append((influence.auroc(gold, shown[:, 1] - shown[:, 0]), _auroc_of_margin))
    for found, score in cases:
        drawn = [score(gold[rows], shown[rows]) for rows in draws]
        variance = sample.covariance(found.values[None])[0, 0]
        assert variance**0.5 == pytest.approx(np.std(drawn), rel=0.12)


def _auroc_of_margin(gold, shown):
    margin = (shown[:, 1] - shown[:, 0] + 3) / 6
    return scores.auroc(gold, np.stack([1 - margin, margin], 1))


def test_a_perfect_model_is_not_certain():
    for positives in (5, 120):
        gold = np.array([1] * positives + [0] * (240 - positives))
        probs = np.eye(2)[gold]
        for figure in (influence.f1(gold, probs), influence.auroc(gold, probs[:, 1])):
            found = Sample(240).score(figure, UNIT)
            assert (found.value, found.ci_high) == (1.0, 1.0)
            assert found.ci_low < 1 - 3 / 240
            if positives == 5:  # it rests on those five
                assert 0.6 < found.ci_low < 0.85


def test_a_model_that_finds_nothing_is_not_certain():
    gold = np.array([1] * 20 + [0] * 220)
    found = Sample(240).score(influence.f1(gold, np.eye(2)[np.zeros(240, int)]), UNIT)
    assert (found.value, found.ci_low) == (0.0, 0.0)
    assert 0.1 < found.ci_high < 0.4


def test_missed_instances_count_by_how_rare_their_class_is():
    assert f1_reach(np.arange(240) % 2, 2) == pytest.approx(1)
    assert f1_reach(np.array([1] * 12 + [0] * 228), 2) == pytest.approx(10)
    assert f1_reach(np.arange(240) % 3, 3) == pytest.approx(1)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"\(models, 3\)"):
        f1_values([0, 1, 1], [0, 1, 1], 2)
