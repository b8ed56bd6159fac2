from __future__ import annotations

import pytest
import torch
from torch import nn

from attnaudit.models import arithmetic
from attnaudit.models.arithmetic import product, tanh_
from attnaudit.models.classic.attentions import Additive


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [3, 400])  # the latter are worth another library
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_is_that_of_a_linear_layer(rows, bias, dtype):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype)

    rows, weight, shift = normal(rows, 64), normal(128, 64), normal(128) if bias else None
    found = product(rows, weight, shift)
    exact = nn.functional.linear(
        rows.double(), weight.double(), None if shift is None else shift.double()
    )
    atol = 1e-12 if dtype is torch.float64 else 2e-5
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=atol)


def test_tanh_takes_the_place_of_its_argument():
    values = torch.linspace(-20, 20, 401)
    given = values.clone()
    assert tanh_(given) is given
    torch.testing.assert_close(given.double(), values.double().tanh(), rtol=0, atol=2e-7)


def test_scores_are_the_same_with_a_graph_and_without():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        attention = Additive(64, paired=True)
        states, query = torch.randn(40, 30, 64), torch.randn(40, 64)
    with_graph = attention(states, query)
    with torch.no_grad():
        without = attention(states, query)
    assert with_graph.requires_grad
    torch.testing.assert_close(without, with_graph.detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("maker", "capability", "expected"),
    [
        ("vendor_id\t: AuthenticAMD\n", "AVX512", True),
        ("vendor_id\t: AuthenticAMD\n", "AVX2", False),
        ("vendor_id\t: GenuineIntel\n", "AVX512", False),
    ],
)
def test_it_pays_on_wide_processors_of_one_maker(monkeypatch, maker, capability, expected):
    monkeypatch.setattr(arithmetic, "_maker", lambda: maker)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch._C, "has_mkl", True)
    assert arithmetic.pays.__wrapped__() is expected
