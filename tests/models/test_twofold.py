from __future__ import annotations

import pytest
import torch

from attnaudit.execution.observer import Silent
from attnaudit.models import training
from attnaudit.models.schedule import FineTuning, Schedule
from attnaudit.models.training import DivergedError
from attnaudit.models.twofold import Twofold


@pytest.fixture
def retraining(make_retraining):
    return make_retraining()


def same_bits(a, b):
    ours, theirs = a.state_dict(), b.state_dict()
    assert ours.keys() == theirs.keys()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("patience", [None, 1])
def test_one_training_makes_the_bits_of_two(retraining, monkeypatch, patience):
    retraining.schedule = retraining.schedule.model_copy(update={"patience": patience})
    epochs, learn = [], training._learn
    monkeypatch.setattr(training, "_learn", lambda *given: epochs.append(0) or learn(*given))
    by_recipe, until = retraining.fresh(3), retraining.fresh(3)
    retraining.learn(by_recipe, 3, Silent(), "")
    first = len(epochs)
    ended = retraining.converge(until, 3, Silent(), "")
    second = len(epochs) - first
    epochs.clear()
    model, other, convergence = retraining.learn_and_converge(3, Silent(), "")
    assert same_bits(model, by_recipe)
    assert same_bits(other, until)
    assert convergence == ended
    assert len(epochs) == max(first, second)
    assert not any(p.requires_grad for m in (model, other) for p in m.parameters())


def test_trainings_at_a_changing_rate_have_nothing_in_common(retraining):
    model = retraining.fresh(1)
    with pytest.raises(ValueError, match="nothing in common"):
        Twofold(model, retraining._data, FineTuning())
    assert Schedule().constant
    assert not FineTuning().constant


def test_a_loss_that_is_no_number_is_an_error(retraining):
    retraining.schedule = retraining.schedule.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(DivergedError):
        retraining.learn_and_converge(3, Silent(), "")
