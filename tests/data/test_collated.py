from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data import collated
from attnaudit.data.batch import collate
from attnaudit.data.collated import Collated, is_small
from attnaudit.data.instance import Instance
from attnaudit.data.pieces import Frame, Pieces
from attnaudit.data.vocabulary import Vocabulary

WORDS = list("abcdefgh")
CLASSIC = Vocabulary(WORDS)
PIECES = Pieces(
    {word: 10 + n for n, word in enumerate(WORDS)},
    Frame((2,), (), (3,)),
    Frame((2,), (3,), (3,)),
    pad=0,
    unknown=1,
)


@st.composite
def instances(draw) -> list[Instance]:
    token = st.sampled_from([*WORDS, "unseen"])
    paired = draw(st.booleans())
    made = []
    for row in range(draw(st.integers(1, 5))):
        sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
        words = tuple(w for w, size in enumerate(sizes) for _ in range(size))
        tokens = tuple(draw(st.lists(token, min_size=len(words), max_size=len(words))))
        query = tuple(draw(st.lists(token, min_size=1, max_size=4))) if paired else None
        told = (str(row), 7 + row, row + 1, tokens, words, row % 3, query, None, None)
        made.append(Instance(*told, truncated=False))
    return made


@given(st.data(), instances(), st.booleans(), st.sampled_from([CLASSIC, PIECES]))
def test_a_batch_is_the_one_that_collate_makes(data, texts, boundaries, vocabulary):
    kept = Collated(texts, vocabulary, boundaries=boundaries)
    index = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=8))
    made = kept.batch(np.array(index))
    expected = collate([texts[i] for i in index], vocabulary, boundaries=boundaries)
    assert made.pad == expected.pad
    for name in ("ids", "mask", "words", "labels", "rows", "query_ids", "query_mask", "types"):
        ours, theirs = getattr(made, name), getattr(expected, name)
        assert (ours is None) == (theirs is None), name
        assert ours is None or (ours.dtype == theirs.dtype and torch.equal(ours, theirs)), name


@pytest.mark.parametrize("query", [None, ("a", "b")])
def test_what_is_small_counts_texts_and_queries(monkeypatch, query):
    told = ("1", 0, 1, ("a", "b", "c"), (0, 1, 2), 0, query, None, None)
    text = Instance(*told, truncated=False)
    monkeypatch.setattr(collated, "MOST_TOKENS", 8)
    assert is_small([text])
    assert is_small([text, text]) == (query is None)
