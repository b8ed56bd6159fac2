from __future__ import annotations

import pytest
import torch

from attnaudit.importance import IMPORTANCES
from attnaudit.importance.compute import importances
from attnaudit.importance.importance import Importance, Integral, Request, cost_of
from attnaudit.models.passes import Passes
from attnaudit.records.metric import CONTROLS


@pytest.mark.parametrize("name", IMPORTANCES)
def test_each_says_what_it_is(name):
    importance = IMPORTANCES[name]
    assert importance.name == name
    told = (importance.definition, importance.formula, importance.source, importance.traps)
    assert all(told)


def test_controls_are_those_that_say_so():
    assert CONTROLS == ("attention_null", "random")


def test_work_is_done_once_for_those_that_share_it(instances, batch_of, classic, answers):
    model, batch = classic("average"), batch_of(instances((3, 2)))
    alpha, probs = answers(model, batch)
    asked = Request(model, batch, alpha[:, 0], probs, probs.argmax(1), ["a", "b"], 0, 100, ())
    made = []

    def make():
        made.append(len(made))
        return len(made)

    assert [asked.once("x", make), asked.once("x", make), asked.once("y", make)] == [1, 1, 2]
    assert made == [0, 1]


@pytest.mark.parametrize(
    ("names", "backward"),
    [
        (["gradient"], 1),
        (["gradient_l2"], 1),
        (["gradient_flowing"], 1),
        (["gradient", "gradient_l2"], 1),
        (["gradient", "gradient_flowing", "gradient_l2"], 2),
        (["gradient_own_logit", "attention_null"], 1),
    ],
)
def test_no_backward_pass_is_idle(
    classic, instances, batch_of, answers, monkeypatch, names, backward
):
    model, batch = classic("bilstm"), batch_of(instances((3, 2, 5)))
    alpha, probs = answers(model, batch)
    passes, grad = [], torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: passes.append(1) or grad(*a, **k))
    ids, words = [str(row) for row in range(len(batch))], batch.per_word(alpha[:, 0])
    found = importances(Request(model, batch, words, probs, probs.argmax(1), ids, 0, 1000, names))
    assert list(found.scores) == names
    assert len(passes) == backward


def test_shared_work_costs_once():
    one, two, three = (
        Importance(name, "", "", "", "", None, lambda model, texts, w=work: w)
        for name, work in (
            ("one", {"shared": Passes(forward=5), "own": Passes(backward=1)}),
            ("two", {"shared": Passes(forward=5)}),
            ("three", {}),
        )
    )
    assert cost_of([one, two, three], None, None) == Passes(forward=5, backward=1)
    assert two.cost(None, None) == Passes(forward=5)
    assert three.cost(None, None) == Passes()


def test_an_importance_may_say_what_its_scores_rest_on(
    classic, instances, batch_of, answers, monkeypatch
):
    """One file and one line: what is in the list is computed, checked and recorded."""

    def compute(request):
        request.integrals["novel"] = [Integral(5, 0.1, 0.05, 0.0), Integral(9, 0.1, 3.0, 1.0, "no")]
        return request.alpha

    novel = Importance("novel", "d", "f", "s", "t", compute, lambda model, texts: {})
    monkeypatch.setitem(IMPORTANCES, "novel", novel)
    model, batch = classic("average"), batch_of(instances((3, 2)))
    alpha, probs = answers(model, batch)

    def found(*names):
        ids = ["a", "b"]
        asked = Request(model, batch, alpha[:, 0], probs, probs.argmax(1), ids, 0, 100, names)
        return importances(asked)

    assert found("novel").scores["novel"].tolist() == alpha[:, 0].float().tolist()
    figures = {"gradients": 5, "tolerance": 0.1, "error": 0.05, "completeness_error": 0.0}
    assert found("novel").told(0) == {"integration": {"novel": figures}}
    assert found("novel").told(1)["integration"]["novel"]["reason"] == "no"
    assert found("random").told(0) == {}
