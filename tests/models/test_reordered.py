from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.execution.observer import Silent
from attnaudit.models.interface import check_laws
from attnaudit.models.reordered import KeptDraw, RandomWeights, Reordered, draw_anew
from attnaudit.models.retraining import guided, reordered

LENGTHS = [7, 2, 9, 3, 1, 12]


@pytest.fixture
def batch(make_batch):
    return make_batch(LENGTHS)


def test_random_weights_add_up_to_1_on_the_words(batch):
    weights = RandomWeights(3)(batch)
    torch.testing.assert_close(weights.sum(1), torch.ones(len(batch)))
    assert (weights[~batch.content] == 0).all()
    assert (weights[batch.content] > 0).all()
    assert weights[4, 1] == 1  # of a single word
    # As numbers that are uniform on (0, 1): the largest is at most about 2 / n of the sum.
    assert weights[5].max() < 4 / 12


def test_what_is_drawn_for_a_text_depends_on_its_row_and_the_seed_alone(
    make_instances, vocabulary, batch
):
    instances = make_instances(LENGTHS)
    for boundaries, chosen in ((True, [3, 0]), (False, [5, 4, 2])):
        part = collate([instances[i] for i in chosen], vocabulary, boundaries=boundaries)
        for make in (RandomWeights, KeptDraw):
            whole, here = make(3)(batch), make(3)(part)
            for row, content, i in zip(here, part.content, chosen, strict=True):
                assert torch.equal(row[content], whole[i][batch.content[i]])
            assert not torch.equal(make(4)(batch), whole)


def test_weights_change_places_among_the_words_and_the_answer_follows(make_model, batch):
    inner = make_model("bilstm")
    view = Reordered(inner, KeptDraw(5))
    encoded = view.encode(batch)
    own, moved = inner.attend(encoded.inner), view.attend(encoded)
    for b, content in enumerate(batch.content):
        before, after = own[b, 0][content], moved[b, 0][content]
        torch.testing.assert_close(after.sort().values, before.sort().values)
        places = KeptDraw(5)(batch)[b][content].argsort()
        torch.testing.assert_close(after, before[places])
    assert (moved.masked_select(~batch.content.unsqueeze(1)) == 0).all()
    states = encoded.inner.states
    units = (moved @ states)[:, 0] @ inner.output.weight.T + inner.output.bias
    torch.testing.assert_close(view(batch), torch.cat([torch.zeros_like(units), units], 1))


def test_it_keeps_the_laws_of_models(make_model, batch):
    check_laws(Reordered(make_model("bilstm"), KeptDraw(0)), batch, 2)


def test_every_order_is_as_likely(make_model, make_batch):
    batch = make_batch([3] * 3000)
    inner = make_model("average")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        anew = Reordered(inner, draw_anew).encode(batch).order
    kept = Reordered(inner, KeptDraw(1)).encode(batch).order
    for order in (anew, kept):
        counts = Counter(map(tuple, order[:, 1:4].tolist()))
        assert counts.keys() == set(itertools.permutations((1, 2, 3)))
        assert all(400 < count < 600 for count in counts.values())
        assert (order[:, [0, 4]] == torch.tensor([0, 4])).all()  # <SOS> and <EOS> stay


def test_in_training_the_order_is_another_each_time_and_then_it_is_kept(make_model, batch):
    view, inner = reordered(2), make_model("bilstm")

    def order(split):
        return view(inner, split).encode(batch).order

    assert not torch.equal(order("train"), order("train"))
    assert torch.equal(order("dev"), order("dev"))


def test_the_model_within_learns_through_both(make_retraining):
    retraining = make_retraining()
    guides = guided(dict.fromkeys(("train", "dev"), RandomWeights(1)))
    for view, learns in ((reordered(1), True), (guides, False)):
        model = retraining.fresh(1)
        before = model.attention.score.weight.detach().clone()
        ended = retraining.converge(model, 1, Silent(), "train", view)
        assert ended.epochs >= 1
        # Random weights leave nothing to learn to the attention; weights that move leave something.
        assert torch.equal(model.attention.score.weight, before) is not learns
