from __future__ import annotations

import pytest
import torch

from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.questions.variants import answers, erased, permuted, shuffles, summed, zeroed
from tests.simulated import DEVICE, counting

CONTENT = torch.tensor([[False, True, True, True, False], [False, True, False, True, True]])


@pytest.fixture
def alpha():
    torch.manual_seed(0)
    return torch.rand(2, 3, 5).softmax(-1)


def test_permutations_shuffle_the_content_and_nothing_else(alpha):
    shuffled = permuted(alpha, CONTENT, 50, ["a", "b"], seed=0)
    assert shuffled.shape == (2, 50, 3, 5)
    for b in range(2):
        outside = shuffled[b][..., ~CONTENT[b]]
        assert (outside == alpha[b][..., ~CONTENT[b]]).all()
        inside = shuffled[b][..., CONTENT[b]].sort(-1).values
        assert (inside == alpha[b][..., CONTENT[b]].sort(-1).values).all()


def test_all_heads_are_permuted_alike(alpha):
    shuffled = permuted(alpha, CONTENT, 20, ["a", "b"], seed=0)
    for v in range(20):
        places = [
            (shuffled[0, v, h].unsqueeze(0) == alpha[0, h].unsqueeze(1)).int().argmax(1)
            for h in range(3)
        ]
        assert all(torch.equal(place, places[0]) for place in places)


def test_each_head_is_permuted_on_its_own_where_asked_for(alpha):
    shuffled = permuted(alpha, CONTENT, 400, ["a", "b"], seed=0, per_head=True)
    places = (shuffled[0].unsqueeze(-2) == alpha[0].unsqueeze(-1)).int().argmax(-2)  # (V, H, T)
    inside = places[..., CONTENT[0]]
    assert (inside.sort(-1).values == torch.tensor([1, 2, 3])).all()
    assert (shuffled[..., ~CONTENT[0]] == alpha[..., ~CONTENT[0]].unsqueeze(1))[0].all()
    agreeing = (inside[:, 0] == inside[:, 1]).all(-1).float().mean()
    assert 0.1 < agreeing < 0.24  # 1 in 6
    alone = permuted(alpha[1:], CONTENT[1:], 400, ["b"], seed=0, per_head=True)
    assert torch.equal(shuffled[1:], alone)
    one_head = [permuted(alpha[:, :1], CONTENT, 9, ["a", "b"], 0, own) for own in (False, True)]
    assert torch.equal(*one_head)


def test_every_order_comes_up(alpha):
    shuffled = permuted(alpha[:1], CONTENT[:1], 400, ["a"], seed=0)[0, :, 0]
    counts = torch.unique(shuffled, dim=0, return_counts=True)[1]
    assert len(counts) == 6
    assert counts.min() > 400 / 6 / 2  # six standard deviations below its mean is 21


def test_permutations_depend_on_id_and_seed_not_on_the_batch(alpha):
    both = permuted(alpha, CONTENT, 5, ["a", "b"], seed=0)
    alone = permuted(alpha[1:], CONTENT[1:], 5, ["b"], seed=0)
    assert torch.equal(both[1:], alone)
    assert not torch.equal(permuted(alpha, CONTENT, 5, ["a", "b"], seed=1), both)


@pytest.mark.parametrize("classes", [2, 3])
def test_answers_through_token_logits_are_those_of_the_full_readout(batches, vocabulary, classes):
    spec = ModelSpec(vocabulary, tuple("abc"[:classes]))
    model = build_classic(Recipe(embedding=6, hidden=8), spec, seed=0).eval().double()
    for batch in batches():
        encoded = model.encode(batch)
        alpha = torch.rand(len(batch), 7, 1, batch.ids.shape[1], dtype=torch.float64)
        collapsed = answers(model, encoded, alpha)
        full = model.read(encoded, alpha).softmax(-1)
        torch.testing.assert_close(collapsed, full, atol=1e-12, rtol=0)


def gone(*places):
    """One variant without these places, for both texts."""
    mask = torch.zeros(2, 1, 5, dtype=torch.bool)
    mask[:, :, list(places)] = True
    return mask


def test_what_remains_has_the_mass_of_the_content(alpha):
    left = erased(alpha, CONTENT, gone(1))
    assert left.shape == (2, 1, 3, 5)
    for b in range(2):
        for h in range(3):
            before, after = alpha[b, h], left[b, 0, h]
            assert torch.equal(after[~CONTENT[b]], before[~CONTENT[b]])
            assert after[1] == 0
            kept = CONTENT[b] & (torch.arange(5) != 1)
            mass = before[CONTENT[b]].sum()
            torch.testing.assert_close(after[kept], before[kept] / before[kept].sum() * mass)


def test_erasing_nothing_or_weights_of_zero_changes_not_a_bit(alpha):
    alpha[:, :, 3] = 0
    for places in ((), (3,), (0, 4)):
        some = gone(*places)
        some[CONTENT.logical_not().unsqueeze(1)] = True  # what is no content is never erased
        left = erased(alpha, CONTENT, some & ~(CONTENT.unsqueeze(1) & (gone(0, 4))))
        assert torch.equal(left[:, 0], alpha)


@pytest.mark.parametrize("rest", [0.0, 1e-42])
def test_where_nothing_remains_the_content_has_no_weight(alpha, rest):
    alpha[:, :, 3] = rest
    for places in ((0, 1, 2, 3, 4), (1, 2, 4)):
        left = erased(alpha, CONTENT, gone(*places))[:, 0]
        for b in range(2):
            assert (left[b][:, CONTENT[b]] == 0).all()
            assert torch.equal(left[b][:, ~CONTENT[b]], alpha[b][:, ~CONTENT[b]])


def test_erasing_all_but_one_gives_it_everything(alpha):
    whole = torch.ones(2, 5, dtype=torch.bool)
    left = erased(alpha, whole, gone(0, 1, 2, 4))
    torch.testing.assert_close(left, torch.eye(5)[3].expand(2, 1, 3, 5))


def test_zeroed_weights_leave_all_others_as_they_are(alpha):
    some = gone(0, 1, 3)
    left = zeroed(alpha, CONTENT, some)
    assert left.shape == (2, 1, 3, 5)
    taken = CONTENT & some[:, 0]
    assert taken.any()
    for h in range(3):
        assert (left[:, 0, h][taken] == 0).all()
        assert torch.equal(left[:, 0, h][~taken], alpha[:, h][~taken])
    everything = zeroed(alpha, CONTENT, CONTENT.unsqueeze(1))[:, 0]
    assert torch.equal(everything, alpha * ~CONTENT.unsqueeze(1))


# --- many rows ------------------------------------------------------------------------------------


@pytest.fixture
def rows():
    """Weights (2, 3, 4, 5) of four rows, the last of which does not count, with their entries."""
    torch.manual_seed(0)
    weights = torch.rand(2, 3, 4, 5).softmax(-1)
    weights[:, :, 3] = 0
    entries = CONTENT.unsqueeze(1).repeat(1, 4, 1)
    entries[:, 3] = False
    return weights, entries


def test_all_rows_are_permuted_as_one_row_is(rows):
    weights, entries = rows
    for per_head in (False, True):
        found = permuted(weights, entries, 6, ["a", "b"], 0, per_head)
        assert found.shape == (2, 6, 3, 4, 5)
        for q in range(4):
            alone = permuted(weights[:, :, q], CONTENT, 6, ["a", "b"], 0, per_head)
            assert torch.equal(found[:, :, :, q], alone)


def test_a_row_that_reaches_less_is_shuffled_within_it(rows):
    weights, entries = rows
    entries[0, 1, 2] = False  # it reaches two of the three words
    weights[0, :, 1, 2] = 0
    found = permuted(weights, entries, 40, ["a", "b"], 0)
    assert (found[0, :, :, 1, 2] == 0).all()
    pair = found[0, :, 0, 1][:, [1, 3]]
    assert torch.equal(pair.sort(-1).values, weights[0, 0, 1, [1, 3]].sort().values.expand(40, 2))
    whole = permuted(weights[:1, :, 0], CONTENT[:1], 40, ["a"], 0)[0, :, 0]  # the first row
    assert torch.equal(found[0, :, 0, 0], whole)
    # Whichever of the two words is first in the order of all three gets the first place.
    swapped = pair[:, 0] == weights[0, 0, 1, 3]
    firsts = [
        [int((row == weights[0, 0, 0, t]).nonzero()) for t in (1, 3)] for row in whole[:, 1:4]
    ]
    assert swapped.tolist() == [one > three for one, three in firsts]


def test_words_are_erased_in_every_row_by_itself(rows):
    weights, entries = rows
    entries[1, 0, 1] = False
    weights[1, :, 0, 1] = 0
    gone = torch.zeros(2, 2, 5, dtype=torch.bool)
    gone[:, 0, 1], gone[:, 1, [1, 3]] = True, True
    left, zero = erased(weights, entries, gone), zeroed(weights, entries, gone)
    assert left.shape == zero.shape == (2, 2, 3, 4, 5)
    for q in range(4):
        row = weights[:, :, q]
        assert torch.equal(left[:, :, :, q], erased(row, entries[:, q], gone))
        assert torch.equal(zero[:, :, :, q], zeroed(row, entries[:, q], gone))
    mass = (weights * entries.unsqueeze(1)).sum(-1)
    torch.testing.assert_close((left[:, 0] * entries.unsqueeze(1)).sum(-1), mass)


def test_what_is_summed_over_rows_and_heads(rows):
    weights, _ = rows
    torch.testing.assert_close(summed(weights), weights.sum((1, 2)))
    assert torch.equal(summed(weights[:, :, 0]), weights[:, :, 0].sum(1))


def test_a_device_sorts_the_numbers_that_the_host_draws():
    expected = shuffles(CONTENT, 40, ["a", "b"], seed=0, heads=2)
    with counting() as waited:
        there = CONTENT.to(DEVICE)
        waited.forget()
        found = shuffles(there, 40, ["a", "b"], seed=0, heads=2)
        assert (waited.total, waited.sent) == (
            1,
            1,
        )  # for the sizes of the texts; all draws at once
        assert found.tolist() == expected.tolist()
