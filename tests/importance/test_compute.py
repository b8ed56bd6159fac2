from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from attnaudit.importance import IMPORTANCES
from attnaudit.importance.compute import importances
from attnaudit.importance.importance import Request

ENCODERS = ("bilstm", "cnn", "average")
LENGTHS = (5, 2, 7, 5, 3, 4, 9, 2, 6)


@pytest.fixture
def compute(batch_of, answers):
    def run(model, some, measures=tuple(IMPORTANCES), seed=0, budget=16_384):
        batch = batch_of(some)
        alpha, probs = answers(model, batch)
        on_words = batch.per_word(alpha.mean(1))
        ids = [i.id for i in some]
        model.mask_token = 1
        asked = Request(model, batch, on_words, probs, probs.argmax(1), ids, seed, budget, measures)
        return importances(asked), on_words.numpy()

    return run


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_one_text_at_a_time_gives_the_same(classic, instances, compute, encoder, paired):
    model = classic(encoder, paired=paired, dtype=torch.float32)
    some = instances(LENGTHS, paired=paired, pieces=True)
    some = [i for i in some if i.words[-1] > 0]
    together, _ = compute(model, some)
    assert list(together.scores) == list(IMPORTANCES)
    for row, instance in enumerate(some):
        alone, _ = compute(model, [instance], budget=1)
        words = instance.words[-1] + 1
        for name, scores in together.scores.items():
            np.testing.assert_allclose(scores[row, :words], alone.scores[name][0], atol=1e-5)
            assert (scores[row, words:] == 0).all()
            assert (scores >= 0).all()
        for name, of_texts in together.integrals.items():
            mine, other = of_texts[row], alone.integrals[name][0]
            assert mine.gradients == other.gradients
            assert mine.error == pytest.approx(other.error, abs=1e-3)
            assert mine.completeness_error == pytest.approx(other.completeness_error, abs=1e-5)


@pytest.mark.parametrize("name", IMPORTANCES)
def test_each_measure_can_be_had_alone(classic, instances, compute, name):
    model, some = classic("bilstm"), instances(LENGTHS)
    alone, _ = compute(model, some, [name])
    together, _ = compute(model, some)
    assert list(alone.scores) == [name]
    np.testing.assert_allclose(alone.scores[name], together.scores[name], rtol=1e-5, atol=1e-6)
    assert list(alone.integrals) == ([name] if IMPORTANCES[name].baseline else [])


@pytest.mark.parametrize("name", ["random", "attention_null"])
def test_what_is_random_depends_on_id_and_seed_alone(classic, instances, compute, name):
    model, some = classic("average"), instances((8,) * 6)
    first = compute(model, some, [name])[0].scores[name]
    backwards = compute(model, some[::-1], [name])[0].scores[name]
    np.testing.assert_allclose(backwards[::-1], first, rtol=1e-6)
    assert not np.allclose(compute(model, some, [name], seed=1)[0].scores[name], first)
    renamed = [replace(i, id=f"other {i.id}") for i in some]
    assert not np.allclose(compute(model, renamed, [name])[0].scores[name], first)


def test_random_is_a_ranking_of_the_words(classic, instances, compute):
    scores = compute(classic("average"), instances(LENGTHS), ["random"])[0].scores["random"]
    for row, n in zip(scores, LENGTHS, strict=True):
        assert sorted(row[:n]) == list(range(1, n + 1))


def test_random_ranks_every_word_first_as_often(classic, instances, compute):
    some = [replace(i, id=str(n)) for n, i in enumerate(instances((4,) * 800))]
    scores = compute(classic("average"), some, ["random"])[0].scores["random"]
    firsts = np.bincount(scores.argmax(1), minlength=4)
    assert (np.abs(firsts - 200) < 5 * np.sqrt(800 * 3 / 16)).all()


def test_null_is_attention_times_shuffled_own_logits(classic, instances, compute):
    found, alpha = compute(classic("bilstm"), instances(LENGTHS))
    null, own = found.scores["attention_null"], found.scores["gradient_own_logit"]
    moved = 0
    for row, n in enumerate(LENGTHS):
        sensitivities = null[row, :n] / alpha[row, :n]
        np.testing.assert_allclose(np.sort(sensitivities), np.sort(own[row, :n]), rtol=1e-4)
        moved += not np.allclose(sensitivities, own[row, :n], rtol=1e-4)
    assert moved > 5


def test_null_and_random_are_shuffled_independently(classic, instances, compute):
    """Otherwise the floor would follow the null wherever sensitivity follows position."""
    some = [replace(i, id=str(n)) for n, i in enumerate(instances((8,) * 40))]
    found, alpha = compute(classic("average"), some)
    own = found.scores["gradient_own_logit"]
    shuffled = found.scores["attention_null"] / alpha
    same = 0
    for row in range(len(some)):
        source = np.abs(own[row][None] - shuffled[row][:, None]).argmin(1) + 1
        same += (source == found.scores["random"][row]).mean()
    assert same / len(some) < 0.25  # 1/8 by chance
