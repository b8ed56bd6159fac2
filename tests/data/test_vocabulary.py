from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.vocabulary import EOS, PAD, SOS, SPECIALS, UNK, Vocabulary

texts = st.lists(st.lists(st.sampled_from([*"abcdef", *SPECIALS])))


def test_ids_follow_the_specials():
    vocabulary = Vocabulary(["x", "y"])
    assert len(vocabulary) == 6
    assert vocabulary.ids(["y", "x", "z", "X", ""]) == [5, 4, UNK, UNK, UNK]
    assert [SPECIALS[i] for i in (PAD, UNK, SOS, EOS)] == ["<PAD>", "<UNK>", "<SOS>", "<EOS>"]


def test_a_special_spelled_out_in_a_text_is_an_ordinary_word():
    assert Vocabulary(["a"]).ids(list(SPECIALS)) == [UNK] * 4
    known = Vocabulary.count([SPECIALS])
    assert sorted(known.ids(list(SPECIALS))) == [4, 5, 6, 7]


@given(texts, st.integers(1, 3))
def test_counted_words_come_by_frequency_and_then_by_spelling(texts, min_count):
    words = Vocabulary.count(texts, min_count).words
    flat = [token for text in texts for token in text]
    assert set(words) == {w for w in flat if flat.count(w) >= min_count}
    assert list(words) == sorted(words, key=lambda w: (-flat.count(w), w))


@given(texts, st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_matter(texts, chance):
    shuffled = chance.sample(texts, len(texts))
    assert Vocabulary.count(texts).words == Vocabulary.count(shuffled).words


def test_each_word_stands_once():
    with pytest.raises(ValueError, match="once"):
        Vocabulary(["a", "b", "a"])
