"""Attention by the place of a word alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.batch import collate
from attnaudit.models.guided import Kept, uniform
from attnaudit.models.placed import by_place


def kept_of(*texts):
    lengths = torch.tensor([len(t) for t in texts])
    alpha = torch.zeros(len(texts), int(lengths.max()))
    for row, weights in enumerate(texts):
        alpha[row, : len(weights)] = torch.tensor(weights)
    return Kept(torch.zeros(len(texts), 2), alpha, lengths)


@pytest.fixture
def weights(make_batch):
    """What the guide gives texts of some lengths, word by word."""

    def make(kept, *lengths):
        batch = make_batch(lengths)
        found = by_place(kept)(batch)
        assert not found[~batch.content].any()
        return [row[content].tolist() for row, content in zip(found, batch.content, strict=True)]

    return make


def test_texts_of_one_length_get_their_mean(weights):
    texts = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.0, 0.5, 0.0]]
    (found,) = weights(kept_of(*texts), 4)
    assert found == pytest.approx([0.3, 0.1, 0.4, 0.2], abs=1e-6)


def test_places_are_relative(weights):
    """The first half of the first word's mass goes to the first of twice as many words."""
    halved, doubled = weights(kept_of([0.1, 0.2, 0.3, 0.4]), 2, 8)
    assert halved == pytest.approx([0.3, 0.7], abs=1e-6)
    assert doubled == pytest.approx([0.05, 0.05, 0.1, 0.1, 0.15, 0.15, 0.2, 0.2], abs=1e-6)


def test_texts_count_alike_whatever_their_length(weights):
    (found,) = weights(kept_of([1.0, 0.0], [0.0] * 10 + [0.1] * 10), 2)
    assert found == pytest.approx([0.5, 0.5], abs=1e-6)


def test_uniform_attention_gives_uniform_weights(make_batch):
    kept, batch = kept_of([0.2] * 5, [0.25] * 4, [0.125] * 8), make_batch([3, 7, 11])
    torch.testing.assert_close(by_place(kept)(batch), uniform(batch))


def test_without_any_weight_it_is_uniform(make_batch):
    batch = make_batch([3, 7])
    torch.testing.assert_close(by_place(kept_of([0.0] * 3))(batch), uniform(batch))


def test_a_text_without_weight_does_not_count(weights):
    with_, without = (weights(kept_of([1.0, 0.0], *more), 2) for more in ([[0.0, 0.0]], []))
    assert with_ == without == [pytest.approx([1.0, 0.0])]


@given(
    st.lists(st.lists(st.floats(0.01, 1), min_size=1, max_size=30), min_size=1, max_size=5),
    st.integers(1, 150),
)
def test_weights_are_a_distribution(make_batch, texts, length):
    kept = kept_of(*([w / sum(t) for w in t] for t in texts))
    (found,) = by_place(kept)(make_batch([length]))
    assert found.min() >= 0
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)


def test_words_do_not_matter_nor_the_batch(make_instances, vocabulary):
    guide = by_place(kept_of([0.7, 0.2, 0.1]))
    texts = make_instances([4, 9])
    together = collate(texts, vocabulary, boundaries=True)
    for row, text in enumerate(texts):
        alone = collate([text], vocabulary, boundaries=False)
        expected = guide(together)[row][together.content[row]]
        torch.testing.assert_close(guide(alone)[0], expected)
