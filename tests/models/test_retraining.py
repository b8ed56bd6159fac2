from __future__ import annotations

import copy

import pytest
import torch

from attnaudit.execution.observer import Silent
from attnaudit.models.guided import Guided, uniform
from attnaudit.models.predict import predict
from attnaudit.models.retraining import as_it_is, guided
from attnaudit.models.schedule import Schedule

CPU = torch.device("cpu")
SCHEDULE = Schedule(epochs=2, batch_size=8, learning_rate=0.02, seed=1)
UNIFORM = guided({"train": uniform, "dev": uniform})


def learned(retraining, seed, view=as_it_is, model=None):
    model = retraining.fresh(seed) if model is None else model
    retraining.learn(model, seed, Silent(), "train", view)
    return model


def weights(model):
    return copy.deepcopy(model.state_dict())


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_same_seed_gives_the_same_bits(make_retraining):
    retraining = make_retraining()
    one, two, other = (weights(learned(retraining, seed)) for seed in (4, 4, 5))
    assert same(one, two)
    assert not same(one, other)
    reordered = retraining.fresh(4)
    retraining.learn(reordered, 5, Silent(), "train")  # the seed decides the order of texts too
    assert not same(weights(reordered), one)
    # The audited model's own seed is the audited model.
    assert same(weights(learned(retraining, SCHEDULE.seed)), weights(retraining.base))


def test_the_audited_models_seed_is_left_out(make_retraining):
    retraining = make_retraining()
    assert retraining.seeds(3) == [0, 2, 3]
    assert retraining.seeds(2, 2) == [2, 3]
    assert retraining.seeds(2, 1) == [2, 3]


def test_nothing_of_the_audited_model_is_touched(make_retraining):
    retraining = make_retraining()
    before = weights(retraining.base)
    learned(retraining, 0)
    learned(retraining, 0, UNIFORM)
    retraining.imitate(retraining.fresh(0), 0, 0.1, 1, 1, Silent(), "imitate")
    assert same(weights(retraining.base), before)


def test_uniform_training_leaves_the_attention_as_it_was(make_retraining):
    retraining = make_retraining()
    before = weights(retraining.fresh(3))
    after = weights(learned(retraining, 3, UNIFORM))
    for name, weight in after.items():
        assert torch.equal(weight, before[name]) == name.startswith("attention")


def test_the_epoch_is_picked_under_the_guide(make_retraining):
    retraining, model = make_retraining(), None
    seen = []

    def view(model, split):
        seen.append(split)
        return Guided(model, uniform)

    learned(retraining, 3, view, model)
    assert seen.count("dev") == SCHEDULE.epochs
    assert seen.count("train") == SCHEDULE.epochs * 5  # 40 texts in batches of 8


def test_a_trained_model_is_ready_to_be_audited(make_retraining):
    model = learned(make_retraining(), 3, UNIFORM)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_an_average_model_is_its_own_probe(make_retraining):
    """Under BASE weights a probe comes to what an average model with that attention gives."""
    thorough = {"epochs": 15, "learning_rate": 0.05}
    retraining = make_retraining("average", SCHEDULE.model_copy(update=thorough))
    guides = {split: retraining.kept(split) for split in ("train", "dev", "test")}
    probe = learned(retraining, 7, guided(guides), retraining.probe(7))
    seen = Guided(probe, guides["test"])
    batches = retraining.batches("test")
    base = predict(retraining.base, batches).argmax(1)
    assert (predict(seen, batches).argmax(1) == base).mean() >= 7 / 8


def test_kept_attention_is_computed_once(make_retraining):
    retraining = make_retraining()
    assert retraining.kept("dev") is retraining.kept("dev")
    assert retraining.kept("dev") is not retraining.kept("test")


def test_a_model_is_kept_with_the_boundaries_it_was_trained_with(make_retraining):
    retraining = make_retraining()
    framed = retraining.keep(retraining.base, "test")
    other = learned(retraining, 0)
    retraining.base.boundaries = False  # as a plug-in's may be
    assert torch.equal(retraining.keep(other, "test").lengths, framed.lengths)
    other.boundaries = False
    bare = retraining.keep(other, "test")
    other.boundaries = True
    assert not torch.allclose(retraining.keep(other, "test").alpha, bare.alpha, atol=1e-4)


def test_imitation_is_scored_on_dev_with_its_own_budget(make_retraining):
    retraining = make_retraining()
    model = retraining.fresh(3)
    progress = retraining.imitate(model, 3, 0.0, 3, 3, Silent(), "imitate")
    assert len(progress.epochs) == 3
    scores = [epoch["objective"] for epoch in progress.epochs]
    assert progress.best_epoch == 1 + scores.index(max(scores))
    moved = predict(model, retraining.batches("dev")) - retraining.kept("dev").probs.numpy()
    assert -abs(moved[:, 1]).mean() == pytest.approx(max(scores), abs=1e-6)
