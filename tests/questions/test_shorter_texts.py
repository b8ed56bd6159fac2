"""Answers to texts without some of their words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.questions.answers import answer
from attnaudit.questions.shorter_texts import FEW, ShorterTexts, _with_little_padding


def lines(lengths, budget):
    lengths = np.array(lengths)
    return list(_with_little_padding(lengths, np.zeros_like(lengths), budget))


def test_a_call_that_is_large_enough_takes_no_longer_texts():
    lengths = [5] * 30 + [9] * 3 + [10] * 40 + [11] * 2
    groups = lines(lengths, 400)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(lengths)))
    padded = [int(np.array(lengths)[g].max()) * len(g) for g in groups]
    assert max(padded) <= 400
    assert sum(padded) - sum(lengths) < sum(lengths) / 20
    assert all(size >= 400 // FEW for size in padded[:-1])


def test_few_short_texts_share_a_call():
    assert [g.tolist() for g in lines([2, 3, 4, 5], 4096)] == [[0, 1, 2, 3]]


@pytest.mark.parametrize("budget", [20, 4096])
def test_answers_are_those_of_the_whole_model(tiny_bert, instances, budget):
    model, vocabulary = tiny_bert(torch.float64)
    batch = collate(instances, vocabulary, boundaries=True)
    known = answer(model, batch, {i.row: i for i in instances})
    texts, expected = ShorterTexts(), []
    for b, count in enumerate(batch.word_counts.tolist()):
        for word in range(count):
            kept = np.arange(count) != word
            assert texts.place(b, kept) == len(expected)
            shorter = batch.select(torch.tensor([b]))
            with torch.no_grad():
                expected.append(model(shorter.keep(shorter.words != word)).softmax(-1))
    found = texts.answers(model, known, budget)
    torch.testing.assert_close(found, torch.cat(expected), atol=1e-8, rtol=0)
    assert texts.place(0, texts.kept[0]) == 0
