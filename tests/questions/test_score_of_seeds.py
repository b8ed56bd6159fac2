"""The scores that compare models, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from attnaudit.measures import scores
from attnaudit.measures.sample import Sample
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.questions.scored import IN_WORDS, SCORES

GOLD = np.array([0, 1, 1, 0, 1, 1, 0, 1])


def of(name, gold=GOLD):
    return ScoreOfSeeds(gold, 2, Sample(len(gold)), name)


@pytest.fixture
def probs():
    """(4 models, texts, classes)."""
    positive = np.random.default_rng(0).random((4, len(GOLD))).round(1)
    return np.stack([1 - positive, positive], -1)


@pytest.mark.parametrize(
    ("name", "definition"),
    [("accuracy", scores.accuracy), ("f1", scores.f1), ("auroc", scores.auroc)],
)
def test_the_mean_over_texts_is_the_score(name, definition, probs):
    values = of(name).values(probs)
    assert values.mean(1) == pytest.approx([definition(GOLD, one) for one in probs])
    mean = of(name).mean(values)
    assert mean.value == pytest.approx(values.mean())
    assert mean.ci_low < mean.value < mean.ci_high


@pytest.mark.parametrize("name", SCORES)
def test_a_model_without_mistakes_is_not_certain_to_make_none(name):
    right = np.eye(2)[GOLD][None]
    found = of(name).of_one(of(name).values(right)[0])
    assert (found.value, found.ci_high) == (1, 1)
    assert 0.3 < found.ci_low < 0.9
    assert IN_WORDS[name] == of(name).words


def test_the_best_constant_answer_is_as_accurate_as_the_commonest_class():
    assert of("accuracy").constant().mean() == scores.majority_accuracy(GOLD)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_no_answer_that_ignores_the_text_is_better_than_guessing(share):
    gold = (np.arange(2000) < share * 2000).astype(np.int64)
    score = ScoreOfSeeds(gold, 2, Sample(2000))
    generator = np.random.default_rng(0)
    chances = np.repeat([0.0, share, 0.5, 1.0], 40)  # of the first class
    said = (generator.random((len(chances), 2000)) < chances[:, None]).astype(int)
    reached = score.values(np.eye(2)[said]).mean(1).reshape(4, 40).mean(1)
    assert reached.max() == pytest.approx(score.guess().mean(), abs=0.02)


def test_guessing_classes_as_often_as_they_occur_is_best_of_three_classes():
    """The expected macro-F1, 2 p q / (p + q) a class, on a grid of chances q."""
    p = np.array([0.7, 0.2, 0.1])
    ends = np.linspace(0, 1, 101)
    q = np.array([(a, b, 1 - a - b) for a in ends for b in ends if a + b <= 1 + 1e-12]).clip(0)
    reached = (2 * p * q / (p + q)).mean(1)
    gold = np.repeat([0, 1, 2], [7, 2, 1])
    assert reached.max() == pytest.approx(ScoreOfSeeds(gold, 3, Sample(10)).guess().mean())
    assert q[reached.argmax()] == pytest.approx(p)
