from __future__ import annotations

import pytest
import torch

from attnaudit.readings import find_reading
from attnaudit.readings.alti_passes import shares


def of(name, found):
    with torch.no_grad():
        return find_reading(name).compute(found)


def by_definition(block, layer, text):
    """(T, T) from a block of BERT's own modules, position by position, in float64."""
    own, out = block.attention.self, block.attention.output
    n, heads = layer.alpha.shape[-1], layer.alpha.shape[1]
    x = layer.states[text].double()
    values = own.value.double()(x).view(n, heads, -1)
    weight = out.dense.double().weight.view(32, heads, -1)
    found = torch.zeros(n, n, dtype=torch.float64)
    for i in range(n):
        parts = torch.zeros(n, 32, dtype=torch.float64)
        for j in range(n):
            for h in range(heads):
                parts[j] += layer.alpha[text, h, i, j].double() * (weight[:, h] @ values[j, h])
        parts[i] += x[i]
        whole = parts.sum(0) + out.dense.bias
        deviation = (whole.var(correction=0) + out.LayerNorm.eps).sqrt()
        gamma, beta = out.LayerNorm.weight.double(), out.LayerNorm.bias.double()
        y = gamma * (whole - whole.mean()) / deviation + beta
        for j in range(n):
            part = gamma * (parts[j] - parts[j].mean()) / deviation
            found[i, j] = max(0.0, float(y.abs().sum() - (y - part).abs().sum()))
    return found / found.sum(1, keepdim=True)


@torch.no_grad()
def test_it_is_the_definition_position_by_position(seen, make_network):
    found = seen("bert", 7)
    blocks = make_network("bert").bert.encoder.layer  # the same weights, which may be widened
    layers = found.model.trace(found.batch)
    each = [by_definition(block, one, 0) for block, one in zip(blocks, layers, strict=True)]
    torch.testing.assert_close(of("alti_layer", found)[0].double(), each[2][0], atol=1e-5, rtol=0)
    product = (each[2] @ each[1] @ each[0])[0]
    torch.testing.assert_close(of("alti", found)[0].double(), product, atol=1e-5, rtol=0)
    assert product.max() < 0.99


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mpnet", "llama"])
def test_shares_sum_to_1_whatever_stands_beside_a_text(seen, kind):
    together, alone = seen(kind), seen(kind, 9)
    for name in ("alti", "alti_layer"):
        both = of(name, together)
        assert both.sum(1).tolist() == pytest.approx([1, 1], abs=1e-5)
        assert (both >= 0).all()
        assert (both[~together.batch.mask] == 0).all()
        torch.testing.assert_close(both[:1], of(name, alone), atol=1e-5, rtol=1e-3)


@torch.no_grad()
def test_rows_in_pieces_are_rows_at_once(seen, monkeypatch):
    found = seen("bert")
    layer, joined = found.model.trace(found.batch)[1], found.joins[1]
    rows = torch.arange(9).expand(2, -1)
    whole = shares(layer, joined, rows)
    monkeypatch.setattr("attnaudit.readings.alti_passes.NUMBERS", 2 * 9 * 32 * 2)
    torch.testing.assert_close(shares(layer, joined, rows), whole)


def test_it_needs_layers_that_add_what_heads_give(seen, classic):
    for name in ("alti", "alti_layer"):
        assert "does something else" in find_reading(name).needs(seen("gpt_neox").model)
        assert "this model shows one" in find_reading(name).needs(classic().model)
