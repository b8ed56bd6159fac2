from __future__ import annotations

import math

import numpy as np
import pytest

from attnaudit.questions.erasure import ErasedTexts

# Uniform attention: z is the mean of the z of the words.
TEXTS = [[(0.0, 2.0), (0.0, -1.0), (0.0, 4.0)], [(0.0, -3.0), (0.0, 1.0)]]


def said(z):
    return 1 / (1 + math.exp(-z))


@pytest.fixture
def known(summing, known_of):
    model, batches = summing(TEXTS)
    return model, known_of(model, batches)


@pytest.mark.parametrize("operator", ["delete", "weight"])
@pytest.mark.parametrize("budget", [1, 4096])
def test_erased_words_in_closed_form_whatever_the_budget(known, operator, budget):
    model, answered = known
    texts = ErasedTexts(operator)
    kept = [(0, (1, 0, 0)), (1, (0, 1)), (0, (0, 1, 1)), (0, (0, 1, 0)), (0, (1, 0, 0))]
    places = [texts.place(row, np.array(words, bool)) for row, words in kept]
    assert places == [0, 1, 2, 3, 0]  # the same text is answered once
    target = answered.probs.argmax(1)
    assert target.tolist() == [1, 0]
    found, flips = texts.decisions(model, answered, budget, target)
    assert found == pytest.approx([said(2), 1 - said(1), said(1.5), said(-1)])
    assert flips.tolist() == [False, True, False, True]


def test_without_any_word_the_bias_decides_and_a_deleted_text_is_refused(known):
    model, answered = known
    target = answered.probs.argmax(1)
    for operator in ("weight", "delete"):
        texts = ErasedTexts(operator)
        texts.place(1, np.zeros(2, bool))
        if operator == "weight":
            assert texts.probabilities(model, answered, 99, target) == pytest.approx([0.5])
        else:
            with pytest.raises(ValueError, match="all words are deleted"):
                texts.probabilities(model, answered, 99, target)
    assert len(ErasedTexts("mask").probabilities(model, answered, 99, target)) == 0
