"""What steps do to parts, against closed forms and against other ways to say the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from attnaudit.models.tracing import trace
from attnaudit.readings.parts import MixedError, taken_apart

WEIGHTS = torch.tensor([[0.5, 0.3, 0.2]])
MIX = torch.tensor([[1.0, -2.0, 0.5, 0.7], [0.3, 0.8, -1.1, 0.2], [-0.6, 0.4, 0.9, -1.5]])
OTHER = torch.tensor([[0.2, 1.1, -0.4, 0.6], [0.9, -0.7, 0.3, 0.1], [0.5, 0.6, -0.8, 1.2]])
PARTS = (WEIGHTS.T * MIX).double().numpy()  # (T, 4) of the value WEIGHTS @ MIX


def apart(function):
    """(P, ...) the parts of a function of weights, which add up to what it gives."""
    made = taken_apart(trace(function, WEIGHTS), WEIGHTS.double().numpy())
    assert made.sum(0) == pytest.approx(function(WEIGHTS).numpy(), abs=1e-6)
    return made[:, 0]


def value(weights, bias=0.0):
    return weights @ MIX + bias


def test_what_is_linear_is_taken_one_by_one_and_the_rest_has_what_is_constant():
    made = apart(lambda w: 2 * value(w, 0.25) - 1)
    np.testing.assert_allclose(made[:3], 2 * PARTS, atol=1e-6)
    np.testing.assert_allclose(made[3], -0.5, atol=1e-6)


def test_an_rms_norm_holds_its_size():
    def norm(w):
        x = value(w)
        return OTHER[0] * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 0.01)

    size = math.sqrt(np.square(PARTS.sum(0)).mean() + 0.01)
    np.testing.assert_allclose(apart(norm)[:3], OTHER[0].numpy() * PARTS / size, atol=1e-6)

    def divided(w):  # written in another way
        x = value(w)
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 0.01)

    np.testing.assert_allclose(apart(divided)[:3], PARTS / size, atol=1e-6)


def test_a_product_is_what_integrated_gradients_give():
    """Of u v, while both grow together from 0; the activation keeps its slope."""

    def gated(w):
        return functional.silu(w @ MIX) * (w @ OTHER)

    made = apart(gated)
    other = (WEIGHTS.T * OTHER).double().numpy()
    u, v = PARTS.sum(0), other.sum(0)
    slope = 1 / (1 + np.exp(-u))
    steps = (np.arange(1000) + 0.5) / 1000
    along = steps[:, None, None] * (v * PARTS + u * other)  # d(uv) of each part, at each step
    np.testing.assert_allclose(made[:3], slope * along.mean(0), atol=1e-6)
    np.testing.assert_allclose(made[3], 0, atol=1e-12)


def of_value(function):
    return lambda w: function(value(w))


def new_gelu(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


@pytest.mark.parametrize(
    ("written_out", "known"),
    [
        (new_gelu, lambda x: functional.gelu(x, approximate="tanh")),
        (lambda x: x * torch.sigmoid(x), functional.silu),
        (lambda x: torch.tanh(x) + x, lambda x: x + torch.tanh(x)),
    ],
)
def test_a_function_that_is_written_out_has_the_slope_of_the_function(written_out, known):
    np.testing.assert_allclose(apart(of_value(written_out)), apart(of_value(known)), atol=1e-6)


def test_functions_keep_their_slope_from_zero():
    whole = PARTS.sum(0)

    def quick_gelu(x):
        return x * torch.sigmoid(1.702 * x)

    def squared(x):
        return torch.relu(x).pow(2)

    for function in (functional.relu, torch.tanh, new_gelu, quick_gelu, squared):
        slope = function(torch.from_numpy(whole)).numpy() / whole
        made = apart(of_value(function))
        np.testing.assert_allclose(made[:3], slope * PARTS, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda w: torch.sigmoid(value(w)) * (w @ OTHER), "single numbers that is not 0 at 0"),
        (lambda w: torch.exp(value(w)), "single numbers that is not 0 at 0"),
        (lambda w: (w @ OTHER) / value(w), "by multiplication that both depend on them"),
        (lambda w: value(w) @ (w @ OTHER).T, "by multiplication that both depend on them"),
        (
            lambda w: value(w) + value(w).pow(2).mean(-1, keepdim=True),
            "a mean of squares for something else than to divide by it",
        ),
    ],
)
def test_what_cannot_be_followed_is_told_so(function, reason):
    with pytest.raises(MixedError, match=reason):
        apart(function)
