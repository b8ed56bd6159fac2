from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.batch import OUTSIDE, Batch, collate, within_budget
from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import EOS, PAD, SOS, UNK, Vocabulary

WORDS = list("abcdefgh")
VOCABULARY = Vocabulary(WORDS)


def instance(tokens, words=None, row=0, label=0, query=None) -> Instance:
    tokens = tuple(tokens)
    words = range(len(tokens)) if words is None else words
    query = None if query is None else tuple(query)
    return Instance(
        str(row), row, row + 1, tokens, tuple(words), label, query, None, None, truncated=False
    )


@st.composite
def instances(draw) -> list[Instance]:
    """One to four texts of one to five words, each of one to three pieces."""
    token = st.sampled_from([*WORDS, "unseen", "<PAD>"])
    paired = draw(st.booleans())
    made = []
    for row in range(draw(st.integers(1, 4))):
        sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
        words = [w for w, size in enumerate(sizes) for _ in range(size)]
        tokens = draw(st.lists(token, min_size=len(words), max_size=len(words)))
        query = draw(st.lists(token, min_size=1, max_size=4)) if paired else None
        made.append(instance(tokens, words, row, row % 2, query))
    return made


@st.composite
def batches(draw) -> Batch:
    return collate(draw(instances()), VOCABULARY, boundaries=draw(st.booleans()))


def draw_mask(data, batch: Batch) -> torch.Tensor:
    size = batch.ids.numel()
    flat = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return torch.tensor(flat).view_as(batch.ids)


def rows_of(batch: Batch) -> list[list[tuple[int, int]]]:
    """(id, word) at the real positions of each text, with the padding checked on the way."""
    n = batch.mask.sum(1).tolist()
    for row, length in enumerate(n):
        assert batch.mask[row, :length].all()
        assert not batch.mask[row, length:].any()
        assert (batch.ids[row, length:] == PAD).all()
        assert (batch.words[row, length:] == OUTSIDE).all()
    assert batch.ids.shape[1] == max(n)
    return [
        list(zip(batch.ids[r, :m].tolist(), batch.words[r, :m].tolist(), strict=True))
        for r, m in enumerate(n)
    ]


def same(a: Batch, b: Batch) -> bool:
    names = [name for name, value in vars(a).items() if isinstance(value, torch.Tensor)]
    assert names == [name for name, value in vars(b).items() if isinstance(value, torch.Tensor)]
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in names)


# --- collate ---------------------------------------------------------------------------------


def test_collate_by_hand():
    texts = [
        instance("abc", [0, 0, 1], row=5, label=1, query="h"),
        instance(["z"], row=2, label=0, query="gh"),
    ]
    batch = collate(texts, VOCABULARY, boundaries=True)
    assert batch.ids.tolist() == [[SOS, 4, 5, 6, EOS], [SOS, UNK, EOS, PAD, PAD]]
    assert batch.words.tolist() == [[-1, 0, 0, 1, -1], [-1, 0, -1, -1, -1]]
    assert batch.mask.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert batch.content.tolist() == [
        [False, True, True, True, False],
        [False, True, False, False, False],
    ]
    assert batch.labels.tolist() == [1, 0]
    assert batch.rows.tolist() == [5, 2]
    assert batch.query_ids is not None
    assert batch.query_mask is not None
    assert batch.query_ids.tolist() == [[SOS, 11, EOS, PAD], [SOS, 10, 11, EOS]]
    assert batch.query_mask.tolist() == [[True, True, True, False], [True] * 4]
    assert batch.word_counts.tolist() == [2, 1]
    assert len(batch) == 2


def test_collate_without_boundaries_and_by_pieces():
    batch = collate([instance("abc", [0, 0, 1])], VOCABULARY, boundaries=False, pieces=True)
    assert batch.ids.tolist() == [[4, 5, 6]]
    assert batch.words.tolist() == [[0, 1, 2]]
    assert batch.query_ids is None
    assert batch.query_mask is None


def test_a_batch_moves_as_a_whole():
    batch = collate([instance("ab", query="c")], VOCABULARY, boundaries=True)
    moved = batch.to(torch.device("meta"))
    tensors = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) == 7
    assert all(value.device.type == "meta" for value in tensors)
    single = collate([instance("ab")], VOCABULARY, boundaries=True).to(torch.device("meta"))
    assert single.query_ids is None


# --- keep, replace, select, per_word ---------------------------------------------------------


@given(batches(), st.data())
def test_keep_deletes_masked_content_and_nothing_else(batch, data):
    mask = draw_mask(data, batch)
    kept = batch.keep(mask)
    expected = [
        [pair for t, pair in enumerate(row) if pair[1] == OUTSIDE or mask[r, t]]
        for r, row in enumerate(rows_of(batch))
    ]
    assert rows_of(kept) == expected
    for name in ("labels", "rows", "query_ids", "query_mask"):
        assert getattr(kept, name) is getattr(batch, name) or torch.equal(
            getattr(kept, name), getattr(batch, name)
        )


@given(batches())
def test_keeping_all_is_the_identity_and_nothing_leaves_the_specials(batch):
    assert same(batch.keep(torch.ones_like(batch.mask)), batch)
    bare = batch.keep(torch.zeros_like(batch.mask))
    specials = [[pair for pair in row if pair[0] in (SOS, EOS)] for row in rows_of(batch)]
    assert rows_of(bare) == specials


@given(batches(), st.data())
def test_keep_twice_is_keep_of_both(batch, data):
    first, second = draw_mask(data, batch), draw_mask(data, batch)
    once = batch.keep(first & second)
    # the second mask, in the places that the first leaves
    order = (~(batch.mask & (first | ~batch.content))).int().argsort(dim=1, stable=True)
    halfway = batch.keep(first)
    moved = second.gather(1, order)[:, : halfway.ids.shape[1]]
    assert same(halfway.keep(moved), once)


@given(batches(), st.data())
def test_replace_edits_the_ids_of_masked_content_only(batch, data):
    mask = draw_mask(data, batch)
    changed = batch.replace(mask, 9)
    where = mask & batch.content
    assert (changed.ids[where] == 9).all()
    assert torch.equal(changed.ids[~where], batch.ids[~where])
    for name in ("mask", "words", "labels", "rows", "query_ids", "query_mask"):
        assert getattr(changed, name) is getattr(batch, name)


@given(instances(), st.booleans(), st.data())
def test_select_is_collate_of_the_chosen(texts, boundaries, data):
    batch = collate(texts, VOCABULARY, boundaries=boundaries)
    index = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=6))
    chosen = collate([texts[i] for i in index], VOCABULARY, boundaries=boundaries)
    assert same(batch.select(torch.tensor(index)), chosen)


@given(batches(), st.data())
def test_per_word_sums_the_pieces(batch, data):
    size = batch.ids.numel()
    flat = data.draw(st.lists(st.integers(-9, 9), min_size=size, max_size=size))
    values = torch.tensor(flat, dtype=torch.float64).view_as(batch.ids)
    summed = batch.per_word(values)
    assert summed.shape == (len(batch), int(batch.word_counts.max()))
    for row in range(len(batch)):
        for word in range(summed.shape[1]):
            at = batch.words[row] == word
            assert summed[row, word] == values[row][at].sum()
    assert torch.equal(summed.sum(1), (values * batch.content).sum(1))


def test_a_deletion_does_not_renumber_the_words():
    batch = collate([instance("abcd", [0, 1, 1, 2])], VOCABULARY, boundaries=True)
    shorter = batch.keep(batch.words != 1)
    assert shorter.words.tolist() == [[-1, 0, 2, -1]]
    assert shorter.word_counts.tolist() == [3]
    assert shorter.per_word(torch.ones(1, 4)).tolist() == [[1, 0, 1]]


# --- within_budget ---------------------------------------------------------------------------


def groups_of(lengths, queries, budget):
    return [group.tolist() for group in within_budget(lengths, queries, budget)]


@given(st.lists(st.integers(1, 20), max_size=40), st.integers(1, 60))
def test_groups_hold_every_index_once_within_the_budget(lengths, budget):
    groups = groups_of(lengths, [0] * len(lengths), budget)
    flat = [i for group in groups for i in group]
    assert flat == sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= budget


@given(st.lists(st.integers(1, 20), max_size=40), st.integers(1, 60))
def test_groups_are_as_large_as_the_budget_allows(lengths, budget):
    groups = groups_of(lengths, [0] * len(lengths), budget)
    for group, following in pairwise(groups):
        assert (len(group) + 1) * lengths[following[0]] > budget


@pytest.mark.parametrize("budget", [1, 4])
def test_what_exceeds_the_budget_stands_alone(budget):
    assert groups_of([9, 5, 7], [0, 0, 0], budget) == [[1], [2], [0]]


def test_queries_count_towards_the_budget():
    assert groups_of([2, 2, 3], [1, 8, 1], 20) == [[0, 1], [2]]
    assert groups_of([2, 2, 3], [1, 1, 1], 20) == [[0, 1, 2]]
