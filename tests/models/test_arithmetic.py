from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import nn

from attnaudit.models import arithmetic
from attnaudit.models.arithmetic import in_float64, product, tanh_
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


class OnApple(torch.Tensor):
    """A tensor that says that it lies on an Apple GPU, and has no float64 there."""

    @property
    def device(self):
        return torch.device("mps")

    def double(self):
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def test_float64_is_had_on_the_cpu_where_the_device_has_none():
    values = torch.tensor([0.1, 2.0])
    with pytest.raises(TypeError):
        values.as_subclass(OnApple).double()
    for given in (values, values.as_subclass(OnApple)):
        wide = in_float64(given)
        assert type(wide) is torch.Tensor
        assert wide.dtype is torch.float64
        assert wide.tolist() == values.double().tolist()
    meta = in_float64(torch.zeros(2, device="meta"))
    assert (meta.device.type, meta.dtype) == ("meta", torch.float64)  # not moved


def to_float64(tree):
    """The calls of `.double()` in a module whose tensor may lie on a device."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "in_float64":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "double":
            whose = node.func.value
            if not (isinstance(whose, ast.Call) and getattr(whose.func, "attr", "") == "cpu"):
                yield node.lineno


def test_no_tensor_becomes_float64_on_a_device_that_may_lack_it():
    """`.cpu().double()` or `in_float64`: an Apple GPU knows nothing else."""
    assert list(to_float64(ast.parse("a.cpu().double()\nb.double().cpu()"))) == [2]
    package = Path(arithmetic.__file__).parents[1]
    files = list(package.rglob("*.py"))
    assert len(files) > 200
    found = {str(f): lines for f in files if (lines := list(to_float64(ast.parse(f.read_text()))))}
    assert not found


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
