from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.vocabulary import (
    EOS,
    PAD,
    SOS,
    SPECIALS,
    UNK,
    Row,
    Unknown,
    Vocabulary,
    WordIds,
    count_unknown,
)

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


# --- a model's own ids -------------------------------------------------------------------------

OWN = {"<pad>": 7, "film": 3, "good": 0, "<unk>": 1}


def test_own_ids_are_used_as_they_are():
    words = WordIds(OWN, pad=7, unknown=1)
    assert words.ids(("good", "film", "never", "<pad>", "<unk>")) == [0, 3, 1, 1, 1]
    assert len(words) == 8
    assert words.words == ("good", "film")
    assert words.row(("good",), ("film",), boundaries=False) == Row([0], 0, None, [3])
    with pytest.raises(ValueError, match="boundaries needs a vocabulary with `start` and `end`"):
        words.row(("good",), None, boundaries=True)


def test_own_ids_may_frame_a_text():
    words = WordIds(OWN, pad=7, unknown=1, start=9, end=8)
    assert words.row(("good",), None, boundaries=True) == Row([9, 0, 8], 1, None, None)
    assert len(words) == 10
    assert not words.same_as(WordIds(OWN, pad=7, unknown=1))
    assert words.same_as(WordIds(dict(OWN), pad=7, unknown=1, start=9, end=8))
    assert not words.same_as(Vocabulary(["good", "film"]))
    assert not Vocabulary(["good", "film"]).same_as(words)


@pytest.mark.parametrize("ids", [{"a": -1}, {"a": 1.0}, {"a": True}, {"a": "1"}, {}, {"<pad>": 0}])
def test_own_ids_that_are_none(ids):
    with pytest.raises(ValueError, match="a vocabulary"):
        WordIds(ids, pad=0, unknown=1)


def test_padding_of_own_ids_reaches_the_batch():
    from attnaudit.data.batch import collate
    from attnaudit.data.instance import Instance

    def one(row, *tokens):
        places = tuple(range(len(tokens)))
        return Instance(str(row), row, row, tokens, places, 0, None, None, None, False)

    batch = collate(
        [one(0, "good"), one(1, "film", "good")],
        WordIds(OWN, pad=7, unknown=1),
        boundaries=False,
    )
    assert batch.ids.tolist() == [[0, 7], [3, 0]]
    assert batch.mask.tolist() == [[True, False], [True, True]]
    assert batch.pad == 7


def test_unknown_words_are_counted_exactly():
    words = Vocabulary(["a", "b", "<UNK>"])
    texts = [
        (("a", "x", "x", "y"), None),  # three tokens, two words
        (("a", "b"), None),
        (("b", "<UNK>"), ("x",)),  # a query counts; a word that is spelled so is known
    ]
    assert count_unknown(texts, words) == Unknown(2, 5, 4, 9, 2)
    assert count_unknown(texts, WordIds({"a": 2}, pad=0, unknown=1)) == Unknown(4, 5, 7, 9, 3)
    assert count_unknown([], words) == Unknown(0, 0, 0, 0, 0)
