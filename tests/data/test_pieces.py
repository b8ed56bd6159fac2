from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from attnaudit.data.batch import collate
from attnaudit.data.instance import Instance
from attnaudit.data.pieces import Frame, Pieces

IDS = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "b": 5, "c": 9}


@pytest.fixture
def tokeniser():
    """One of words, with special tokens as `single` and `pair` say."""

    def make(single=None, pair=None):
        made = Tokenizer(models.WordLevel(IDS, unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        if single is not None:
            made.post_processor = processors.TemplateProcessing(
                single=single, pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
            )
        return made

    return make


def instance(tokens, query=None, row=0):
    return Instance(
        id=str(row),
        row=row,
        line=1,
        tokens=tokens,
        words=tuple(range(len(tokens))),
        label=0,
        query=query,
        rationale=None,
        group=None,
        truncated=False,
    )


BERT = ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")


@pytest.mark.parametrize(
    ("templates", "single", "pair"),
    [
        ((None, None), Frame(), Frame(types=(0, 0, 0, 1, 0))),
        (BERT, Frame((2,), (), (3,)), Frame((2,), (3,), (3,), (0, 0, 0, 1, 1))),
        (  # RoBERTa's
            ("[CLS] $A [SEP]", "[CLS] $A [SEP] [SEP] $B [SEP]"),
            Frame((2,), (), (3,)),
            Frame((2,), (3, 3), (3,)),
        ),
        (("[CLS] $A", "[CLS] $A $B:1"), Frame((2,)), Frame((2,), (), (), (0, 0, 0, 1, 0))),
        (  # text after its query
            ("$A [SEP] [CLS]", "$A:3 [SEP]:3 $B:4 [SEP]:4 [CLS]:2"),
            Frame((), (), (3, 2)),
            Frame((), (3,), (3, 2), (0, 3, 3, 4, 4)),
        ),
    ],
)
def test_frames_are_read_off_the_tokenizer(tokeniser, templates, single, pair):
    made = Pieces.of(tokeniser(*templates), 0, 1, None)
    assert (made.single, made.pair) == (single, pair)
    assert not made.same_as(Pieces.of(tokeniser(*templates), 0, 1, None, segments=False))
    assert (made.single.size, made.pair.size) == (
        len(single.before + single.after),
        len(pair.before + pair.between + pair.after),
    )


@pytest.mark.parametrize("query", [None, ("b", "c")])
def test_a_row_is_what_the_tokenizer_itself_gives(tokeniser, query):
    theirs = tokeniser(*BERT)
    made = Pieces.of(theirs, 0, 1, None)
    text = ("a", "c", "unheard", "b")
    row = made.row(text, query, True)
    encoded = theirs.encode(" ".join(text), None if query is None else " ".join(query))
    assert row.ids == encoded.ids
    assert row.types == encoded.type_ids
    made.segments = False
    assert made.row(text, query, True).types is None
    assert (row.start, row.query) == (1, None)
    queries = None if query is None else np.array([len(query)])
    sizes = made.lengths(np.array([len(text)]), queries, True)
    assert [size.tolist() for size in sizes] == [[len(row.ids)], [0]]


def test_ids_with_holes(tokeniser):
    made = Pieces.of(tokeniser(*BERT), 0, 1, 4)
    assert len(made) == 10
    assert made.ids(["c", "a", "z"]) == [9, 4, 1]
    assert made.mask == 4


def test_a_batch_of_pairs_stands_in_one_sequence(tokeniser):
    made = Pieces.of(tokeniser(*BERT), 7, 1, None)
    texts = [instance(("a", "b"), ("c",)), instance(("a",), ("b", "c", "c"), row=1)]
    batch = collate(texts, made, boundaries=True)
    assert batch.query_ids is None
    assert batch.ids.tolist() == [[2, 4, 5, 3, 9, 3, 7], [2, 4, 3, 5, 9, 9, 3]]
    assert batch.types.tolist() == [[0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1, 1]]
    assert batch.words.tolist() == [[-1, 0, 1, -1, -1, -1, -1], [-1, 0, -1, -1, -1, -1, -1]]
    shorter = batch.keep(batch.words != 0)
    assert shorter.ids.tolist() == [[2, 5, 3, 9, 3, 7], [2, 3, 5, 9, 9, 3]]
    assert shorter.types.tolist() == [[0, 0, 0, 1, 1, 0], [0, 0, 1, 1, 1, 1]]
    assert torch.equal(shorter.mask, shorter.ids != 7)
