from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification

from attnaudit.models import arithmetic
from attnaudit.models.transformer import linear
from attnaudit.models.transformer.derivatives import moved
from attnaudit.models.transformer.linear import Linear, Tanh, hasten

from .conftest import config_of, text_batch

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, arithmetic.OPERATION), reason="this torch has no oneDNN"
)


@pytest.fixture
def everywhere(monkeypatch):
    """On any CPU, and for products of any size; gives the products that were asked for."""
    asked = []
    own = linear.one_dnn

    def product(*args):
        asked.append(args)
        return own(*args)

    for module in (arithmetic, linear):
        monkeypatch.setattr(module, "pays", lambda: True)
    monkeypatch.setattr(arithmetic, "LEAST", 0)
    monkeypatch.setattr(linear, "one_dnn", product)
    return asked


def layers(bias=True):
    torch.manual_seed(0)
    plain = nn.Linear(5, 3, bias=bias)
    hastened = copy.deepcopy(plain)
    hasten(hastened)
    return plain, hastened


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "states",
    [
        torch.randn(4, 5),
        torch.randn(2, 4, 5),
        torch.randn(5, 4).T,
        torch.randn(1, 1, 1).expand(3, 1, 5),
        torch.zeros(0, 5),
    ],
    ids=["rows", "texts", "transposed", "expanded", "none"],
)
def test_a_layer_gives_what_it_gave(everywhere, bias, states):
    plain, hastened = layers(bias)
    assert type(hastened) is Linear
    with torch.no_grad():
        torch.testing.assert_close(hastened(states), plain(states))
    assert len(everywhere) == 1


@pytest.mark.parametrize("frozen", [True, False])
def test_gradients_are_those_of_the_layer(everywhere, frozen):
    plain, hastened = layers()
    found = []
    for layer in (plain, hastened):
        layer.requires_grad_(not frozen)
        states = torch.arange(40.0).sin().view(2, 4, 5).requires_grad_()
        (layer(states).transpose(0, 1) ** 2).sum().backward()
        found.append([states.grad, *(p.grad for p in layer.parameters())])
    for mine, theirs in zip(*found, strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            torch.testing.assert_close(mine, theirs)
    assert len(everywhere) == (2 if frozen else 3)


@pytest.mark.parametrize("states", [torch.randn(4, 5, dtype=torch.float64), torch.randn(5)])
def test_what_is_no_float32_matrix_goes_the_usual_way(everywhere, states):
    plain, hastened = layers()
    plain, hastened = plain.to(states.dtype), hastened.to(states.dtype)
    assert torch.equal(hastened(states), plain(states))
    assert not everywhere


def test_small_products_go_the_usual_way(everywhere, monkeypatch):
    monkeypatch.setattr(arithmetic, "LEAST", 4 * 5 * 3)
    _, hastened = layers()
    hastened(torch.randn(3, 5))
    assert not everywhere
    hastened(torch.randn(4, 5))
    assert everywhere


def test_tanh_is_tanh(everywhere):
    module = nn.Tanh()
    hasten(module)
    assert type(module) is Tanh
    states = torch.linspace(-20, 20, 4001)
    torch.testing.assert_close(module(states), states.tanh(), rtol=0, atol=2e-7)
    doubled = states.double()
    assert torch.equal(module(doubled), doubled.tanh())
    slopes = []
    for function in (module, torch.tanh):
        asked = states.clone().requires_grad_()
        function(asked).sum().backward()
        slopes.append(asked.grad)
    torch.testing.assert_close(slopes[0], slopes[1], rtol=0, atol=1e-6)


def test_layers_stay_as_they_are_where_it_does_not_pay(monkeypatch):
    monkeypatch.setattr(linear, "pays", lambda: False)
    _, layer = layers()
    assert type(layer) is nn.Linear


def test_subclasses_are_left_alone(everywhere):
    class Own(nn.Linear):
        pass

    layer = Own(2, 2)
    hasten(layer)
    assert type(layer) is Own


@pytest.mark.parametrize("kind", ["bert", "distilbert", "llama"])
def test_a_network_answers_as_before_and_keeps_its_weights(everywhere, kind):
    torch.manual_seed(0)
    network = AutoModelForSequenceClassification.from_config(config_of(kind)).eval()
    batch = text_batch(9, 5)
    names = list(network.state_dict())
    with torch.no_grad():
        before = network(input_ids=batch.ids, attention_mask=batch.mask.long()).logits
        hasten(network)
        after = network(input_ids=batch.ids, attention_mask=batch.mask.long()).logits
    torch.testing.assert_close(after, before)
    assert len(everywhere) > 10
    assert list(copy.deepcopy(network).state_dict()) == names


def test_derivatives_in_forward_mode_go_through(everywhere):
    plain, hastened = layers()
    states, change = torch.randn(4, 5), torch.randn(4, 5)
    found = moved(hastened, (states,), (change,))
    assert len(everywhere) == 2  # the states, and how far they move
    torch.testing.assert_close(found, change @ plain.weight.T)
