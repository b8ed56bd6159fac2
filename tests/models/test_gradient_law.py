from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from attnaudit.errors import ModelError
from attnaudit.models import gradient_law
from attnaudit.models.gradient_law import check_gradients
from attnaudit.models.interface import check_laws


class Wrong(torch.autograd.Function):
    """The answer of a doubling layer, with the gradient of another function."""

    factor = 2.2  # of 2

    @staticmethod
    def forward(context, states):
        return 2 * states

    @staticmethod
    def backward(context, gradient):
        return Wrong.factor * gradient


class Patched:
    """A classic model of which one step is given a backward pass of its own."""

    def __init__(self, model, step):
        inner = getattr(model, step)

        def instead(*args, **kwargs):
            given = inner(*args, **kwargs)
            return Wrong.apply(given) / 2

        setattr(model, step, instead)


@pytest.fixture(params=[True, False], ids=["float64", "own precision"])
def casting(request, monkeypatch):
    """Whether the law may cast the model to float64."""
    if not request.param:
        monkeypatch.setattr(gradient_law, "WIDEST", 0)
    return request.param


@pytest.mark.parametrize("encoder", ["bilstm", "cnn", "average"])
def test_classic_models_keep_it(make_model, make_batch, casting, encoder):
    for attention, paired, dtype, wide in itertools.product(
        ["additive", "dot"], [False, True], [torch.float32], [False, True]
    ):
        sizes = {"embedding": 300, "hidden": 128} if wide else {}
        model = make_model(encoder, attention, paired=paired, dtype=dtype, **sizes)
        check_gradients(model, make_batch([3, 7, 5, 2], paired=paired))


@pytest.mark.parametrize("encoder", ["bilstm", "average"])
def test_an_inlet_that_is_another_map_is_found(make_model, make_batch, encoder):
    model = make_model(encoder, dtype=torch.float32, embedding=30, hidden=16)
    batch, true = make_batch([3, 7, 5, 2]), model.inlet()
    check_gradients(model, batch)
    model.inlet = lambda: replace(true, weight=1.2 * true.weight)
    check_laws(model, batch, 2)  # which no other law tells
    with pytest.raises(ModelError, match=r"behind its `inlet`, is wrong by \d+ %"):
        check_gradients(model, batch)


@pytest.mark.parametrize("step", ["read", "attend"])
def test_a_backward_pass_of_its_own_is_found(make_model, make_batch, casting, step):
    model = make_model("bilstm", dtype=torch.float32, embedding=30, hidden=16)
    batch = make_batch([3, 7, 5, 2])
    model.embedding.weight.data *= 3  # so that its attention moves its answers
    check_gradients(model, batch)
    Patched(model, step)
    check_laws(model, batch, 2)  # which no other law tells
    Wrong.factor = 2.5 if step == "read" else 20.0
    with pytest.raises(ModelError, match=r"the gradient of its answer .* is wrong by \d+ %"):
        check_gradients(model, batch)


def test_a_gradient_that_is_wrong_with_attention_held_fixed_alone_is_found(make_model, make_batch):
    model, batch = make_model(dtype=torch.float32), make_batch([3, 7, 5, 2])
    read = model.read

    def instead(encoded, alpha):
        given = read(encoded, alpha)
        return given if alpha.requires_grad else Wrong.apply(given) / 2

    model.read = instead
    Wrong.factor = 2.5
    with pytest.raises(ModelError, match="with its attention held fixed is wrong by"):
        check_gradients(model, batch)


def test_a_gradient_that_does_not_arrive_is_found(make_model, make_batch):
    model, batch = make_model(dtype=torch.float32), make_batch([3, 7, 5, 2])
    encode = model.encode
    model.encode = lambda b, e=None: encode(b, None if e is None else e.detach())
    with pytest.raises(
        ModelError, match="is wrong by 100 %, compared with small steps of the input; look for"
    ):
        check_gradients(model, batch)


def test_a_model_that_no_gradient_moves_keeps_it(make_model, make_batch):
    """Its answers do not depend on the text with the attention held fixed, and 0 is right."""
    model, batch = make_model("average", dtype=torch.float32), make_batch([3, 7, 5, 2])
    model.output.weight.data.zero_()
    check_gradients(model, batch)


def test_a_model_that_cannot_be_cast_is_tried_as_it_is(make_model, make_batch):
    model, batch = make_model("bilstm", dtype=torch.float32), make_batch([3, 7, 5, 2])
    encode, seen = model.encode, []

    def only_float32(batch, embeddings=None):
        seen.append(embeddings.dtype)
        return encode(batch, embeddings.float() @ torch.eye(6))

    model.encode = only_float32
    check_gradients(model, batch)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {*seen} == {torch.float32, torch.float64}
    Patched(model, "read")
    Wrong.factor = 2.5
    with pytest.raises(ModelError, match="compared with small steps of the input"):
        check_gradients(model, batch)
