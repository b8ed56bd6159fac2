from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.measures.divergences import jsd, max_jsd
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.questions.answers import answer
from attnaudit.questions.instance_adversary.make import weights as adversarial_weights
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.instance_adversary.make.weights import adversaries, moved
from attnaudit.questions.variants import answers


@pytest.fixture
def detached(vocabulary, batches, instances):
    """All four texts under a model of so many classes, linear or with that hidden."""

    def make(classes=2, linear=True, dtype=torch.float64, scale=30.0):
        spec = ModelSpec(vocabulary, tuple("abcd"[:classes]))
        model = build_classic(Recipe(embedding=6, hidden=8), spec, seed=0).eval().to(dtype)
        model.requires_grad_(False)
        with torch.no_grad():
            model.output.weight.mul_(scale)
        if not linear:
            model.token_logits = None
        (batch,) = batches(1000)
        return Detached.of(model, answer(model, batch, {i.row: i for i in instances}))

    return make


KINDS = {(2, True): "exact", (3, True): "lower+upper", (2, False): "lower", (3, False): "lower"}


@pytest.mark.parametrize(("classes", "linear"), KINDS)
@pytest.mark.parametrize("epsilon", [0.01, 0.2])
def test_bounds_are_named_for_what_they_are(detached, classes, linear, epsilon):
    one = detached(classes, linear)
    found = adversaries(one, epsilon, 2)
    base = one.shown(one.own[:, None])
    assert found.jsd == pytest.approx(jsd(one.shown(found.weights), base), abs=1e-12)
    assert (found.jsd[:, 0] <= found.upper).all()
    caps = np.array([max_jsd(a[0][c]) for a, c in zip(base, one.content, strict=True)])
    assert (found.upper <= caps + 1e-9).all()
    for name, low, high in zip(found.bounds, found.jsd[:, 0], found.upper, strict=True):
        assert name == ("exact" if high - low < 1e-9 else KINDS[classes, linear])
    if linear and (classes, epsilon) != (3, 0.2):  # there both bounds of all texts meet
        assert KINDS[classes, linear] in found.bounds
    if not linear:
        assert found.upper == pytest.approx(caps)


@pytest.mark.parametrize(("classes", "linear"), KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_of_the_model_stay_within_epsilon(detached, classes, linear, dtype):
    one = detached(classes, linear, dtype)
    found = adversaries(one, 0.05, 3)
    assert (found.tvd <= 0.05 + 1e-9).all()
    weights = torch.from_numpy(found.weights).to(dtype)
    said = answers(one.model, one.encoded, torch.cat([one.alpha.unsqueeze(1), weights], dim=1))
    tvd = (said[:, 1:] - said[:, :1]).abs().sum(-1) / 2
    assert (tvd <= 0.05 + (1e-6 if dtype == torch.float32 else 1e-9)).all()
    assert tvd.double().numpy() == pytest.approx(found.tvd, abs=1e-6)


def test_bounds_of_one_model_do_not_contradict_each_other(detached):
    exact, search = (adversaries(detached(2, linear), 0.05, 1) for linear in (True, False))
    assert (search.jsd[:, 0] <= exact.jsd[:, 0] + 1e-9).all()
    assert (exact.jsd[:, 0] <= search.upper + 1e-9).all()
    assert exact.jsd.mean() - search.jsd.mean() < 0.05


@pytest.mark.parametrize(("classes", "linear"), KINDS)
def test_alternatives_differ_from_each_other(detached, classes, linear):
    one = detached(classes, linear)
    found = adversaries(one, 0.2, 4)
    base = one.shown(one.own[:, None])
    shown = one.shown(found.weights)
    assert found.counts.max() > 1
    for b, count in enumerate(found.counts):
        every = np.concatenate([base[b], shown[b, :count]])
        for k in range(2, len(every)):
            assert jsd(every[:k], every[k]).min() > 1e-9


def test_two_tokens_have_two_alternatives_at_most(detached):
    one = detached(2)
    found = adversaries(one, 0.01, 5)
    shortest = one.content.sum(1).argmin()
    assert one.content[shortest].sum() == 2
    assert found.counts[shortest] <= 2


def test_weights_that_move_the_answer_too_far_are_not_given(detached, monkeypatch):
    one = detached(2, linear=False)
    onehot = np.zeros_like(one.own)
    onehot[np.arange(len(onehot)), :, one.content.argmax(1)] = 1
    monkeypatch.setattr(adversarial_weights, "mix", lambda *args: onehot)
    found = adversaries(one, 1e-5, 1)
    assert (found.jsd == 0).all()
    assert (found.tvd == 0).all()
    assert np.array_equal(found.weights[:, 0], one.own)


def test_distance_of_answers_by_hand():
    said, own = np.log([[0.7, 0.2, 0.1]]), np.log([[0.5, 0.2, 0.3]])
    assert moved(said, own) == pytest.approx([0.2])
