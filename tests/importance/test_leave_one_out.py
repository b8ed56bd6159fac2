from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attnaudit.data.batch import collate
from attnaudit.importance.deletion_passes import leave_one_out, leave_one_out_mask
from attnaudit.importance.gradient_passes import gradients, own_logit

ENCODERS = ("bilstm", "cnn", "average")
LENGTHS = (5, 2, 7, 5, 3, 7, 2, 5)
BUDGETS = (1, 23, 16_384)


def one_at_a_time(model, some, batch_of, answers, pieces=False):
    """Every shortened text made anew and run alone: the definition."""
    rows = []
    for instance in some:
        _, whole = answers(model, batch_of([instance], pieces))
        units = range(len(instance.tokens)) if pieces else instance.words
        moved = []
        for unit in range(max(units) + 1):
            kept = [t for t, u in zip(instance.tokens, units, strict=True) if u != unit]
            shorter = replace(instance, tokens=tuple(kept), words=tuple(range(len(kept))))
            _, probs = answers(model, batch_of([shorter]))
            moved.append((probs - whole).abs().sum() / 2)
        rows.append(torch.stack(moved))
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_equals_each_shortened_text_run_alone(
    classic, instances, batch_of, answers, encoder, paired, pieces
):
    """In double precision, whatever the budget; words of several tokens take the general path."""
    classes = 3 if paired else 2
    model = classic(encoder, paired=paired, classes=classes)
    some = instances(LENGTHS, paired=paired, pieces=pieces, classes=classes)
    some = [i for i in some if i.words[-1] > 0]
    expected = one_at_a_time(model, some, batch_of, answers)
    batch = batch_of(some)
    _, probs = answers(model, batch)
    for budget in BUDGETS:
        found = leave_one_out(model, batch, probs, budget)
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
    assert expected.max() > 0.01


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_sign_says_whether_the_class_gets_more_probable(
    classic, instances, batch_of, answers, encoder, pieces
):
    """Words of several tokens take the general path, others that which shares work."""
    model, some = classic(encoder, classes=3), instances(LENGTHS, pieces=pieces, classes=3)
    some = [i for i in some if i.words[-1] > 0]
    batch = batch_of(some)
    _, probs = answers(model, batch)
    target = batch.labels
    found = leave_one_out(model, batch, probs, 100, target)
    torch.testing.assert_close(found.abs(), leave_one_out(model, batch, probs, 100))
    for row, instance in enumerate(some):
        for word in range(instance.words[-1] + 1):
            copy = batch.select(torch.tensor([row]))
            _, without = answers(model, copy.keep(copy.words != word))
            change = without[0, target[row]] - probs[row, target[row]]
            assert abs(change) < 1e-9 or (change > 0) == (found[row, word] < 0)
    assert 0 < (found < 0).sum() < (found != 0).sum()


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_holds_in_single_precision(classic, instances, batch_of, answers, encoder, paired):
    some = instances(LENGTHS, paired=paired)
    exact = classic(encoder, paired=paired)
    expected = leave_one_out(exact, batch_of(some), answers(exact, batch_of(some))[1], 100)
    model = classic(encoder, paired=paired, dtype=torch.float32)
    batch = batch_of(some)
    for budget in BUDGETS:
        found = leave_one_out(model, batch, answers(model, batch)[1], budget)
        torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_pieces_can_be_units_of_their_own(classic, instances, batch_of, answers, encoder):
    model, some = classic(encoder), instances((6, 4, 6), pieces=True)
    batch = batch_of(some, pieces=True)
    found = leave_one_out(model, batch, answers(model, batch)[1], 1000)
    expected = one_at_a_time(model, some, batch_of, answers, pieces=True)
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_sharing_work_changes_nothing(classic, instances, batch_of, answers, encoder, paired):
    model, batch = classic(encoder, paired=paired), batch_of(instances(LENGTHS, paired=paired))
    probs = answers(model, batch)[1]
    shared = leave_one_out(model, batch, probs, 40)
    model.encode_deletions = None
    plain = leave_one_out(model, batch, probs, 40)
    torch.testing.assert_close(shared, plain, atol=1e-10, rtol=0)


@given(lengths=st.lists(st.integers(2, 8), min_size=1, max_size=6), budget=st.integers(1, 200))
@settings(max_examples=10, deadline=None)
def test_any_lengths_under_any_budget(classic, instances, batch_of, answers, lengths, budget):
    model, some = classic("bilstm"), instances(lengths)
    batch = batch_of(some)
    found = leave_one_out(model, batch, answers(model, batch)[1], budget)
    expected = one_at_a_time(model, some, batch_of, answers)
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
    assert (found >= 0).all()
    assert (found <= 1).all()


def test_no_call_exceeds_a_budget_that_can_be_kept(classic, instances, batch_of, answers):
    """One text of 7 + 2 tokens is the least that can be worked on at once."""
    model, batch = classic("bilstm"), batch_of(instances(LENGTHS))
    sizes = []
    encode = model.encode_deletions

    def spy(group, first, last):
        sizes.append(len(group) * (last - first) * group.ids.shape[1])
        return encode(group, first, last)

    model.encode_deletions = spy
    probs = answers(model, batch)[1]
    for budget in (9, 30, 200):
        sizes.clear()
        leave_one_out(model, batch, probs, budget)
        assert max(sizes) <= budget
    assert len(sizes) < batch.word_counts.sum()  # and large budgets are used


class Choosy(nn.Module):
    """Attends to states whose first number is positive, and to nothing else."""

    def forward(self, states, query):
        return self.scores(states, query)

    def linear(self):
        return torch.eye(2, 8), torch.zeros(2)

    def scores(self, seen, query):
        return torch.where(seen[..., 0] > 0, seen[..., 1], -1e6)


def test_words_without_attention_do_not_count_where_states_do_not_mix(
    classic, instances, batch_of, answers
):
    model, batch = classic("average"), batch_of(instances((9, 9, 6, 12), seed=5))
    model.attention = Choosy()
    alpha, probs = answers(model, batch)
    on_words = batch.per_word(alpha[:, 0])
    ignored = (on_words == 0) & (torch.arange(on_words.shape[1]) < batch.word_counts[:, None])
    assert ignored.any()
    assert (on_words > 0).any(1).all()
    assert leave_one_out(model, batch, probs, 500)[ignored].max() < 1e-15
    found = gradients(model, batch, batch.labels)
    assert found["gradient"][ignored].max() == 0
    assert found["gradient_l2"][ignored].max() == 0
    assert own_logit(model, batch, batch.labels)[ignored].min() > 1e-4  # free of alpha


def padded(model, batch, changed_of):
    """Every word of every text changed, each in one forward pass of the padded batch."""
    own = model(batch).softmax(-1)
    expected = torch.zeros(len(batch), int(batch.word_counts.max()), dtype=own.dtype)
    for word in range(expected.shape[1]):
        there = (word < batch.word_counts).nonzero().squeeze(1)
        copies = batch.select(there)
        probs = model(changed_of(copies, copies.words == word)).softmax(-1)
        expected[there, word] = (probs - own[there]).abs().sum(-1) / 2
    return own, expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_words_of_many_pieces_of_a_transformer(tiny_bert, instances, dtype):
    """Equal to one padded forward pass for each word, deleted or masked, under any budget."""
    model, vocabulary = tiny_bert(dtype)
    some = [i for i in instances((5, 9, 7, 3, 12), pieces=True) if i.words[-1] > 0]
    batch = collate(some, vocabulary, boundaries=True)
    assert (batch.content.sum(1) > batch.word_counts).any()
    bound = 1e-5 if dtype is torch.float32 else 1e-10
    for changed_of, function in (
        (lambda b, gone: b.keep(~gone), leave_one_out),
        (lambda b, gone: b.replace(gone, vocabulary.mask), leave_one_out_mask),
    ):
        more = (vocabulary.mask,) if function is leave_one_out_mask else ()
        own, expected = padded(model, batch, changed_of)
        assert expected.max() > 0.05
        for budget in BUDGETS:
            found = function(model, batch, own, budget, *more)
            torch.testing.assert_close(found, expected, atol=bound, rtol=0)


def test_nothing_is_padded_and_no_call_exceeds_the_budget(tiny_bert, instances):
    model, vocabulary = tiny_bert()
    some = instances((5, 9, 7, 3, 12, 12), pieces=True)
    batch = collate([i for i in some if i.words[-1] > 0], vocabulary, boundaries=True)
    own, encode, sizes = model(batch).softmax(-1), model.encode, []

    def spy(given, embeddings=None):
        assert given.mask.all()
        sizes.append(given.ids.numel())
        return encode(given, embeddings)

    model.encode = spy
    for budget in (14, 60, 10_000):
        sizes.clear()
        leave_one_out(model, batch, own, budget)
        leave_one_out_mask(model, batch, own, budget, vocabulary.mask)
        assert max(sizes) <= budget
    assert len(sizes) < batch.word_counts.sum()


@pytest.mark.parametrize("share", [False, True])
def test_without_any_token_left_it_is_undefined(classic, instances, batch_of, answers, share):
    """A text of one word, of a model that puts no specials around it."""
    model, batch = classic("average"), batch_of(instances((1, 4)))
    bare = replace(
        batch,
        ids=batch.ids[:, 1:-1],
        words=batch.words[:, 1:-1],
        mask=batch.content[:, 1:-1],
    )
    model.boundaries = False
    if not share:
        model.encode_deletions = None
    _, probs = answers(model, bare)
    found = leave_one_out(model, bare, probs, 100)
    assert found[0, 0].isnan()
    assert bool(found[1].isfinite().all())
    assert found[1].max() > 0
