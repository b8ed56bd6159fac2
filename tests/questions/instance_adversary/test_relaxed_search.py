from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.measures.divergences import jsd
from attnaudit.questions.answers import answer
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.instance_adversary.make.relaxed_search import Relaxed, relaxed_search
from attnaudit.questions.instance_adversary.make.weights import adversaries, moved

QUICK = Relaxed(alternatives=2, steps=60)


@pytest.fixture
def detached(model, batches, instances):
    model = model.double()
    with torch.no_grad():
        model.output.weight.mul_(30)  # so that answers depend on where attention lies
        model.output.bias.fill_(-3.7)

    def make(budget=1000):
        by_row = {i.row: i for i in instances}
        return [
            (Detached.of(model, found), [i.id for i in found.instances])
            for batch in batches(budget)
            for found in [answer(model, batch, by_row)]
        ]

    return make


def base_of(detached):
    return detached.shown(detached.own[:, None])


def test_it_finds_distributions_over_the_content(detached):
    for one, ids in detached():
        weights = relaxed_search(one, 0.05, Relaxed(3, 40, 1.0, 2), ids, seed=0)
        assert weights.shape == (len(ids), 6, 1, one.content.shape[1])
        assert weights.sum(-1) == pytest.approx(1, abs=1e-12)
        assert (weights[~np.broadcast_to(one.content[:, None, None], weights.shape)] == 0).all()


def test_restarts_never_beat_the_exact_maximum(detached):
    for one, ids in detached():
        exact = adversaries(one, 0.05, 1).jsd[:, 0]
        weights = relaxed_search(one, 0.05, Relaxed(1, 500, 0.0, 4), ids, seed=0)
        fits = moved(one.logits(weights), one.logits(one.own[:, None])) <= 0.05
        found = np.where(fits, jsd(one.shown(weights), base_of(one)), 0.0)
        assert fits.any()
        assert (found.max(1) <= exact + 1e-9).all()
        assert found.max() > 0.5 * exact.max()


def test_the_penalty_keeps_answers_near(detached):
    for one, ids in detached():
        own = one.logits(one.own[:, None])
        start = relaxed_search(one, 0.01, Relaxed(5, 1), ids, seed=0)
        end = relaxed_search(one, 0.01, Relaxed(5, 300), ids, seed=0)
        assert moved(one.logits(end), own).mean() < 0.5 * moved(one.logits(start), own).mean()
        assert moved(one.logits(end), own).mean() < 0.02


def test_it_climbs(detached):
    for one, ids in detached():
        reached = [
            jsd(one.shown(relaxed_search(one, 0.9, Relaxed(5, n), ids, seed=0)), base_of(one))
            for n in (1, 200)
        ]
        assert reached[1].mean() > reached[0].mean() + 0.03


def test_diversity_makes_alternatives_differ(detached):
    for one, ids in detached():

        def spread(diversity, one=one, ids=ids):
            how = Relaxed(4, 200, diversity)
            shown = one.shown(relaxed_search(one, 0.9, how, ids, seed=0))  # (B, 4, T)
            return jsd(shown[:, :, None], shown[:, None]).mean()

        assert spread(20.0) > spread(0.0) + 0.01


def test_an_instance_does_not_depend_on_its_batch(detached):
    whole = {
        name: weights[one.content[b]]
        for one, ids in detached(1000)
        for b, name in enumerate(ids)
        for weights in [np.moveaxis(relaxed_search(one, 0.05, QUICK, ids, seed=0)[b], -1, 0)]
    }
    for one, ids in detached(1):
        alone = relaxed_search(one, 0.05, QUICK, ids, seed=0)[0]
        assert np.moveaxis(alone, -1, 0)[one.content[0]] == pytest.approx(whole[ids[0]], abs=1e-9)


def test_the_seed_decides_the_start(detached):
    one, ids = detached()[0]
    first = relaxed_search(one, 0.05, QUICK, ids, seed=0)
    assert np.array_equal(first, relaxed_search(one, 0.05, QUICK, ids, seed=0))
    assert not np.array_equal(first, relaxed_search(one, 0.05, QUICK, ids, seed=1))


def test_no_gradient_is_left_in_the_model(detached):
    one, ids = detached()[0]
    one.model.requires_grad_(True)
    one.model.token_logits = None
    relaxed_search(Detached(one.model, one.encoded, one.alpha), 0.05, QUICK, ids, seed=0)
    assert all(p.grad is None for p in one.model.parameters())
