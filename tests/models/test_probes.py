from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.batch import collate
from attnaudit.models.guided import uniform
from attnaudit.models.interface import check_laws
from attnaudit.models.probes import HIDDEN_MASS, Blindfolded, attended


def places(*weights):
    """Which of these weights are attended to."""
    (found,) = attended(torch.tensor([weights])).tolist()
    return [k for k, chosen in enumerate(found) if chosen]


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ((0.1, 0.6, 0.3), [1, 2]),
        ((0.85, 0.1, 0.05), [0]),
        ((0.05, 0.79, 0.16), [1, 2]),
        ((0.5, 0.1, 0.25, 0.15), [0, 2, 3]),  # three quarters are not enough
        ((0.5, 0.25, 0.25), [0, 1, 2]),
        ((0.0, 1.0, 0.0), [1]),
        ((1.0,), [0]),
        ((0.0, 0.5, 0.5, 0.0), [1, 2]),
        ((0.0, 0.0), []),  # a text without weight, such as padding alone
    ],
)
def test_the_fewest_that_hold_four_fifths(weights, found):
    assert places(*weights) == found


def test_of_equal_weights_the_first():
    assert places(*[0.25] * 4) == [0, 1, 2, 3]
    assert places(*[0.125] * 8) == [0, 1, 2, 3, 4, 5, 6]
    assert places(0.125, 0.5, 0.125, 0.125, 0.125) == [0, 1, 2, 3]


def test_the_share_is_of_the_weight_that_there_is():
    """Attention of a row may add up to less than 1 by rounding, or to anything at all."""
    assert places(1.0, 6.0, 3.0) == places(0.01, 0.06, 0.03) == [1, 2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 3))
def test_what_is_attended(weights, padding):
    given_ = torch.tensor([[*weights, *[0.0] * padding]], dtype=torch.float64)
    (row,), (chosen,) = given_, attended(given_)
    assert chosen.shape == row.shape
    assert not chosen[row == 0].any()
    if not row.any():
        return
    assert chosen.any()
    held, total = float(row[chosen].sum()), float(row.sum())
    assert held >= HIDDEN_MASS * total - 1e-9
    lightest = float(row[chosen].min())
    assert held - lightest < HIDDEN_MASS * total + 1e-9  # one fewer would not do
    assert float(row[~chosen].max() if not chosen.all() else 0) <= lightest


def test_rows_are_independent():
    rows = torch.tensor([[0.1, 0.6, 0.3], [1.0, 0.0, 0.0], [0.3, 0.3, 0.4]])
    assert torch.equal(attended(rows), torch.cat([attended(row[None]) for row in rows]))


def onto(*chosen):
    """A guide with all its weight, in equal parts, on these words of every text."""

    def guide(batch):
        number = batch.content.cumsum(1) - 1
        weights = (torch.isin(number, torch.tensor(chosen)) & batch.content).float()
        return weights / weights.sum(1, keepdim=True)

    return guide


@pytest.fixture(params=["average", "bilstm"])
def inner(request, make_model):
    return make_model(request.param, dtype=torch.float32)


@pytest.fixture
def batch(make_batch):
    return make_batch([3, 6, 9])


def other(batch, *numbers):
    """The same texts with other words in these places."""
    chosen = torch.isin(batch.content.cumsum(1) - 1, torch.tensor(numbers)) & batch.content
    return replace(batch, ids=torch.where(chosen, 4 + (batch.ids + 5) % 30, batch.ids))


def test_hidden_words_do_not_matter(inner, batch):
    blind = Blindfolded(inner, onto(0, 2)).eval()
    assert torch.equal(blind(batch), blind(other(batch, 0, 2)))
    assert not torch.allclose(inner(batch), inner(other(batch, 0, 2)))


def test_all_other_words_do(inner, batch):
    blind = Blindfolded(inner, onto(0, 2)).eval()
    for number, texts in ((1, 3), (5, 2), (8, 1)):
        differs = (blind(batch) != blind(other(batch, number))).any(1)
        assert differs.sum() == texts


def test_what_is_hidden_is_four_fifths_of_the_attention(inner, batch):
    def leaning(batch):
        weights = onto(0)(batch) * 0.5 + onto(1)(batch) * 0.4 + onto(2)(batch) * 0.1
        return weights * batch.content

    blind = Blindfolded(inner, leaning).eval()
    assert torch.equal(blind(batch), blind(other(batch, 0, 1)))
    assert not torch.allclose(blind(batch), blind(other(batch, 2)))


def test_a_hidden_word_is_a_vector_of_zeros(inner, batch):
    embedded = Blindfolded(inner, onto(1)).embed(batch)
    hidden = torch.zeros_like(batch.content)
    hidden[:, 2] = True  # behind <SOS> and one word
    assert not embedded[hidden].any()
    assert torch.equal(embedded[~hidden], inner.embed(batch)[~hidden])


def test_where_hidden_words_stand_is_seen(make_model, batch):
    inner = make_model("bilstm", dtype=torch.float32)
    same = replace(batch, ids=batch.ids.masked_fill(batch.content, 7))
    first, second = (Blindfolded(inner, onto(k)).eval()(same) for k in (0, 1))
    assert not torch.allclose(first, second)


def test_with_every_word_hidden_none_matters(inner, make_batch):
    batch = make_batch([3, 3])
    blind = Blindfolded(inner, onto(0, 1, 2)).eval()
    assert torch.equal(blind(batch), blind(other(batch, 0, 1, 2)))
    torch.testing.assert_close(*blind(batch))


def test_it_keeps_the_laws(inner, batch):
    check_laws(Blindfolded(inner, onto(0, 1)), batch, 2)


def test_the_texts_of_a_batch_do_not_matter(inner, batch):
    blind = Blindfolded(inner, uniform).eval()
    for row in range(3):
        alone = batch.select(torch.tensor([row]))
        assert torch.allclose(blind(alone), blind(batch)[row], atol=1e-6)


def test_it_attends_and_reads_as_it_likes(inner, batch):
    blind = Blindfolded(inner, onto(0)).eval()
    encoded = blind.encode(batch)
    plain = inner.encode(batch, blind.embed(batch))
    alpha = blind.attend(encoded)
    assert torch.equal(alpha, inner.attend(plain))
    assert not torch.allclose(alpha[:, 0], onto(0)(batch), atol=0.01)
    assert torch.equal(blind.read(encoded, alpha[:, None]), inner.read(plain, alpha[:, None]))
    assert blind.boundaries == inner.boundaries


def test_of_pairs_it_sees_the_whole_query(make_model, make_batch):
    inner = make_model("bilstm", paired=True, dtype=torch.float32)
    batch = make_batch([3, 6], paired=True)
    blind = Blindfolded(inner, onto(0)).eval()
    assert torch.equal(blind(batch), blind(other(batch, 0)))
    asked = replace(batch, query_ids=4 + (batch.query_ids + 5) % 30)
    assert not torch.allclose(blind(batch), blind(asked))


def test_it_shares_the_parameters(inner):
    blind = Blindfolded(inner, uniform)
    assert {id(p) for p in blind.parameters()} == {id(p) for p in inner.parameters()}


def test_hidden_words_learn_nothing(inner, make_instance, vocabulary):
    texts = [make_instance(["w1", "w2", "w3"]), make_instance(["w1", "w4", "w5"], row=1)]
    batch = collate(texts, vocabulary, boundaries=True)
    Blindfolded(inner, onto(1))(batch).sum().backward()
    moved = inner.get_submodule("embedding").weight.grad.abs().sum(1) > 0
    learned = {word for word in ("w1", "w2", "w3", "w4", "w5") if moved[vocabulary.ids([word])[0]]}
    assert learned == {"w1", "w3", "w5"}


def test_it_learns_what_is_not_hidden_and_nothing_else(make_model, make_instance, vocabulary):
    """The first word tells the class, and the other two say nothing."""

    def loss(guide):
        inner = make_model("average", dtype=torch.float32).train()
        texts = [make_instance([f"w{k % 2}", "w5", "w6"], k, k % 2) for k in range(8)]
        batch = collate(texts, vocabulary, boundaries=True)
        blind = Blindfolded(inner, guide)
        optimiser = torch.optim.Adam(blind.parameters(), 0.05)
        for _ in range(40):
            optimiser.zero_grad()
            value = torch.nn.functional.cross_entropy(blind(batch), batch.labels)
            value.backward()
            optimiser.step()
        return value.item()

    assert loss(onto(1)) < 0.05
    assert loss(onto(0)) == pytest.approx(math.log(2), abs=1e-3)
