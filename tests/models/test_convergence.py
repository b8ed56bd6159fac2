from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.execution.observer import Silent
from attnaudit.models.convergence import UntilStopped, has_stopped, stretched
from attnaudit.models.guided import uniform
from attnaudit.models.predict import predict
from attnaudit.models.retraining import guided
from attnaudit.models.schedule import FineTuning, Schedule
from attnaudit.models.training import DivergedError
from tests.models.test_retraining import SCHEDULE

UNIFORM = guided({"train": uniform, "dev": uniform})


@pytest.mark.parametrize(
    ("epochs", "patience", "found"),
    [(10, None, 5), (7, None, 4), (2, None, 2), (1, None, 2), (8, 3, 3), (8, 1, 1), (8, 8, 4)],
)
def test_the_longest_training_is_three_times_the_recipes(epochs, patience, found):
    schedule = stretched(Schedule(epochs=epochs, patience=patience, learning_rate=0.1))
    assert (schedule.epochs, schedule.patience, schedule.learning_rate) == (3 * epochs, found, 0.1)


def test_a_warmup_is_stretched():
    short, long = FineTuning(epochs=2, warmup=0.25), stretched(FineTuning(epochs=2, warmup=0.25))
    # Epoch 1 of 6 ends where a third of the way through epoch 1 of 2 was.
    assert long.epochs == 6
    assert long.rate(1 / 6) == short.rate(1 / 3 / 2)
    assert long.rate(1.0) == 0


LOSSES = st.lists(st.floats(0.1, 2), min_size=1, max_size=12)


@given(LOSSES, st.integers(1, 6))
def test_a_training_goes_on_while_the_loss_falls(losses, patience):
    """By the least fall or more within each patience."""
    falling = [2 - 0.0051 / patience * k for k in range(20)]
    assert not has_stopped(falling, [0.9] * 20, patience)
    # What comes later decides, not the order of what came before.
    few = losses[:patience]
    assert not has_stopped(few, [0.9] * len(few), patience)
    assert has_stopped([*losses, *[3.0] * patience], [0.9] * (len(losses) + patience), patience)


@pytest.mark.parametrize(("last", "stopped"), [(0.4951, True), (0.4949, False), (0.6, True)])
def test_the_least_fall(last, stopped):
    assert has_stopped([0.7, 0.5, 0.55, last], [0.9] * 4, 2) == stopped
    assert not has_stopped([0.5, last], [0.9] * 2, 2)


@pytest.mark.parametrize(
    ("loss", "score", "stopped"), [(0.09, 1.0, True), (0.11, 1.0, False), (0.09, 0.999, False)]
)
def test_the_ceiling(loss, score, stopped):
    assert has_stopped([1.0, loss], [0.5, score], 5) == stopped


def test_the_ceiling_is_that_of_the_epoch_that_is_kept():
    assert not has_stopped([0.04, 0.09], [0.99, 1.0], 5)


def weights(model):
    return copy.deepcopy(model.state_dict())


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Watched(Silent):
    """Keeps the weights of a model after each epoch."""

    def __init__(self, model, steps):
        self.model, self.steps, self.seen, self.taken = model, steps, [], 0

    def task(self, title, total, done=0):
        self.total = total
        return super().task(title, total, done)

    def advance(self, steps=1, info=""):
        self.taken += steps
        if not steps:
            self.seen.append(weights(self.model))


def test_a_converged_model_goes_on_from_the_recipes_seed(make_retraining):
    """Bit for bit: the weights after each of the recipe's epochs are those of its own training."""
    retraining = make_retraining()
    short, long = retraining.fresh(4), retraining.fresh(4)
    ours, longer = Watched(short, 5), Watched(long, 5)
    retraining.learn(short, 4, ours, "learn")
    ended = retraining.converge(long, 4, longer, "converge")
    assert len(ours.seen) == SCHEDULE.epochs
    assert SCHEDULE.epochs < ended.epochs == len(longer.seen) <= 3 * SCHEDULE.epochs
    for one, other in zip(ours.seen, longer.seen, strict=False):
        assert same(one, other)
    assert not same(ours.seen[0], ours.seen[1])


def of_dev(retraining, model, view=lambda model, split: model):
    """The dev loss of a model by hand, weighted by class: 1, and negatives by positives."""
    learn = [i.label for i in retraining.splits["train"].instances]
    gold = [i.label for i in retraining.splits["dev"].instances]
    weight = (1.0, learn.count(0) / learn.count(1))
    probs = predict(view(model, "dev"), retraining.batches("dev"))
    total = sum(weight[y] * -math.log(p[y]) for p, y in zip(probs, gold, strict=True))
    return total / sum(weight[y] for y in gold)


@pytest.mark.parametrize("view", [None, UNIFORM])
def test_the_epoch_of_the_least_dev_loss_is_kept(make_retraining, view):
    retraining = make_retraining()
    model = retraining.fresh(3)
    watched = Watched(model, 5)
    views = (view,) if view else ()
    ended = retraining.converge(model, 3, watched, "converge", *views)
    losses = []
    for state in watched.seen:
        other = retraining.fresh(3)
        other.load_state_dict(state)
        losses.append(of_dev(retraining, other, *views))
    assert ended.dev_loss == pytest.approx(min(losses), rel=1e-5)
    assert same(weights(model), watched.seen[int(np.argmin(losses))])
    assert not model.training
    assert ended.stopped == has_stopped(losses, [0.0] * len(losses), 2)


def test_a_slow_model_is_still_improving_at_the_end(make_retraining):
    slow = SCHEDULE.model_copy(update={"learning_rate": 0.01, "epochs": 2})
    ended = make_retraining(schedule=slow).converge
    retraining = make_retraining(schedule=slow)
    model = retraining.fresh(3)
    ended = retraining.converge(model, 3, Silent(), "converge")
    assert (ended.epochs, ended.stopped) == (6, False)
    still = make_retraining(schedule=slow.model_copy(update={"learning_rate": 1e-6}))
    ended = still.converge(still.fresh(3), 3, Silent(), "converge")
    assert (ended.epochs, ended.stopped) == (3, True)  # the patience, and one to compare with


def test_a_model_at_the_ceiling_stops_at_once(make_retraining):
    fast = SCHEDULE.model_copy(update={"learning_rate": 0.05, "epochs": 30})
    retraining = make_retraining(schedule=fast)
    model = retraining.fresh(3)
    ended = retraining.converge(model, 3, Silent(), "converge")
    assert ended.stopped
    assert ended.dev_loss < 0.1
    assert ended.epochs < 15  # the patience alone
    gold = [i.label for i in retraining.splits["dev"].instances]
    assert predict(model, retraining.batches("dev")).argmax(1).tolist() == gold


def test_a_penalty_is_learned_and_does_not_count_on_dev(make_retraining):
    retraining = make_retraining()
    model = retraining.fresh(3)
    model.penalty = lambda batch, alpha: torch.full((len(batch),), 100.0) + 0 * alpha.sum()
    ended = retraining.converge(model, 3, Silent(), "converge")
    assert ended.dev_loss < 5
    assert ended.dev_loss == pytest.approx(of_dev(retraining, model), rel=1e-5)


def test_a_loss_that_is_no_number_is_a_training_that_diverged(make_retraining):
    retraining = make_retraining()
    goal = UntilStopped(retraining.base, retraining._data, stretched(SCHEDULE))
    broken = retraining.fresh(3)
    with torch.no_grad():
        broken.output.bias.fill_(math.nan)
    with pytest.raises(DivergedError, match="loss on dev is not finite"):
        goal.score(broken)


def test_shuffled_labels_keep_their_numbers_and_say_nothing(make_retraining):
    retraining = make_retraining()
    seen = {}

    def follow(model, schedule, observer, title, goal, stopped=None, data=None):
        seen[title] = data

    retraining.follow = follow
    for title, seed in (("one", 3), ("two", 3), ("other", 4)):
        retraining.learn_permuted(retraining.fresh(seed), seed, Silent(), title)
    for split in ("train", "dev"):
        real = [i.label for i in retraining.splits[split].instances]
        one, two, other = (
            [i.label for i in getattr(seen[title], split)] for title in ("one", "two", "other")
        )
        assert one == two
        assert sorted(one) == sorted(real)
        assert (real != one != other) or split == "dev"
        for kept, instance in zip(
            retraining.splits[split].instances, getattr(seen["one"], split), strict=True
        ):
            assert (kept.tokens, kept.row, kept.id) == (instance.tokens, instance.row, instance.id)
