"""What is counted in closed form, against calls that are really made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from attnaudit.execution.observer import Silent
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.integrated_gradients import MOST
from attnaudit.models.lengths import Texts, padded_tokens, tokens_of
from attnaudit.questions import find_question
from attnaudit.questions.instance_adversary.make import mixing

LENGTHS = (2, 5, 3, 9, 4, 4, 12)
WITHOUT_MASK = tuple(name for name in IMPORTANCES if not name.endswith("_mask"))


@dataclass
class Counted:
    forward: int = 0
    backward: int = 0
    answers: int = 0


@pytest.fixture
def count(monkeypatch):
    """Count what goes through a model from now on, text by text."""

    def watch(model):
        counted = Counted()
        for name in ("encode", "encode_inlet", "encode_locally", "encode_deletions"):
            if inner := getattr(model, name, None):

                def encode(*args, _inner=inner):
                    encoded = _inner(*args)
                    counted.forward += len(encoded.content)
                    return encoded

                monkeypatch.setattr(model, name, encode)
        read, grad = model.read, torch.autograd.grad

        def counting_read(encoded, alpha):
            counted.answers += alpha.shape[0] * alpha.shape[1]
            return read(encoded, alpha)

        def counting_grad(values, leaf, *args, **kwargs):
            counted.backward += int(np.prod(leaf.shape[: 3 if leaf.ndim == 5 else 1]))
            return grad(values, leaf, *args, **kwargs)

        monkeypatch.setattr(model, "read", counting_read)
        monkeypatch.setattr(torch.autograd, "grad", counting_grad)
        return counted

    return watch


@pytest.fixture
def toy(summing):
    """A model without a linear readout, and texts of several lengths in several batches."""
    draw = np.random.default_rng(0).normal
    texts = [[tuple(draw(size=2)) for _ in range(n)] for n in LENGTHS]
    return summing(texts, linear=False, budget=16)


def made(name, model, batches, count, **settings):
    """What an audit says that it costs, and what it does."""
    question = find_question(name)
    settled = question.maker.settle(question.settings(**settings), model)
    said = question.maker.cost(model, Texts.of(batches), settled)
    counted = count(model)
    for _ in question.maker.records(model, batches, settled, Silent()):
        pass
    return said, counted


def test_permutations_are_counted_as_they_are_made(toy, count):
    said, counted = made("permute", *toy, count, permutations=7)
    assert said.exact
    assert (said.forward, said.backward, said.answers) == (7, 0, 7 * (1 + 8 + 2))
    assert (counted.forward, counted.backward, counted.answers) == (7, 0, said.answers)


@pytest.mark.parametrize("measures", [(name,) for name in WITHOUT_MASK] + [WITHOUT_MASK])
def test_each_importance_is_counted_as_it_is_made(toy, count, measures):
    said, counted = made("correlate", *toy, count, measures=measures)
    whole, done = ((passes.forward, passes.backward, passes.answers) for passes in (said, counted))
    integrals = [name for name in measures if IMPORTANCES[name].baseline]
    assert said.exact == (not integrals)
    if not integrals:
        assert whole == done
        return
    # Of each integral a text takes 9 gradients at least, and no more than is said.
    spared = {most - real for most, real in zip(whole, done, strict=True)}
    assert len(spared) == 1
    assert 0 < spared.pop() <= (MOST - 9) * len(LENGTHS) * len(integrals)


def test_deletions_are_one_forward_pass_a_word(toy, count):
    said, _ = made("correlate", *toy, count, measures=("leave_one_out",))
    assert said.forward == len(LENGTHS) + sum(LENGTHS)


def test_shared_deletions_and_local_gradients_are_counted_alike(model, batches, count):
    exact = tuple(name for name in WITHOUT_MASK if not IMPORTANCES[name].baseline)
    said, counted = made("correlate", model, batches(), count, measures=exact)
    assert said.exact
    assert (said.forward, said.backward) == (counted.forward, counted.backward)


@pytest.mark.parametrize("items", [0, 5, 16])
def test_erasure_takes_at_most_what_is_said(toy, count, items):
    said, counted = made("erase", *toy, count, measures=("gradient", "random"), optimum_items=items)
    assert not said.exact
    assert counted.forward <= said.forward <= 2 * counted.forward
    assert counted.backward == said.backward
    assert counted.answers <= said.answers
    if items == 0:  # nothing is searched, and few answers are spared
        assert said.answers <= 1.5 * counted.answers


@pytest.mark.parametrize("small", [False, True])
def test_an_adversary_of_a_readout_that_is_not_linear_takes_large_batches_apart(
    toy, count, small, monkeypatch
):
    if small:
        monkeypatch.setattr(mixing, "CELLS", 1)
    said, counted = made("instance-adversary", *toy, count)
    assert said.answers is None
    together = sum(len(group) for group in toy[1].groups if len(group) > 1)
    answered = len(LENGTHS) + (together if small else 0)
    assert (said.forward, said.backward) == (counted.forward, 0) == (answered, 0)


def test_a_search_takes_a_gradient_for_each_step_of_each_start(toy, count):
    asked = {"search": True, "search_steps": 3, "search_alternatives": 2, "restarts": 2}
    said, counted = made("instance-adversary", *toy, count, **asked)
    assert said.backward == counted.backward == 3 * 2 * 2 * len(LENGTHS)


def test_lengths_are_those_of_the_batches(batches):
    made = batches(budget=20)
    texts = Texts.of(made)
    assert texts.words.tolist() == [3, 3, 8, 2]
    assert texts.items.tolist() == [3, 5, 8, 2]
    assert texts.tokens.tolist() == tokens_of(made).tolist() == [5, 7, 10, 4]
    widths = {row: batch.ids.shape[1] for batch in made for row in batch.rows.tolist()}
    assert texts.padded(texts.tokens).tolist() == [widths[row] for row in range(4)]
    assert padded_tokens(made) == sum(batch.ids.numel() for batch in made)
    assert Texts.of(batches(pieces=True)).words.tolist() == [3, 5, 8, 2]
