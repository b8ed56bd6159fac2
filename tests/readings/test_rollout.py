from __future__ import annotations

import itertools

import networkx
import numpy as np
import pytest
import torch

from attnaudit.models.interface import Layer
from attnaudit.readings import find_reading
from attnaudit.readings.rollout_passes import flow_to_each, flows, mixing, rolled_out


def layers_of(*matrices):
    """Layers of one text and one head with these weights."""
    return [Layer(m[None, None], torch.empty(0), torch.empty(0)) for m in matrices]


def drawn(tokens, layers, seed=0, sharp=2.0):
    generator = torch.Generator().manual_seed(seed)
    scores = sharp * torch.randn(layers, tokens, tokens, generator=generator, dtype=torch.float64)
    return layers_of(*scores.softmax(-1))


def at(row):
    return torch.tensor([row])


@pytest.mark.parametrize("row", [0, 2, 4])
def test_rollout_sums_the_weights_of_all_paths(row):
    layers = drawn(5, 3)
    mixed = [mixing(layer)[0] for layer in layers]
    by_path = torch.zeros(5, dtype=torch.float64)
    for low, middle, high in itertools.product(range(5), repeat=3):
        by_path[low] += mixed[2][row, high] * mixed[1][high, middle] * mixed[0][middle, low]
    found = rolled_out(layers, at(row))[0]
    torch.testing.assert_close(found, by_path)
    assert float(found.sum()) == pytest.approx(1, abs=1e-12)


def test_uniform_attention_in_closed_form():
    n, depth = 7, 4
    layers = layers_of(*torch.full((depth, n, n), 1 / n, dtype=torch.float64))
    expected = torch.full((n,), (1 - 2.0**-depth) / n, dtype=torch.float64)
    expected[3] += 2.0**-depth
    torch.testing.assert_close(rolled_out(layers, at(3))[0], expected)


def test_positions_that_attend_to_themselves_stay_where_they_are():
    layers = layers_of(*torch.eye(4).repeat(3, 1, 1))
    assert rolled_out(layers, at(2))[0].tolist() == [0, 0, 1, 0]


def test_one_layer_is_half_of_the_attention_for_both():
    (layer,) = layers = drawn(6, 1)
    expected = (layer.alpha[0, 0, 4] + torch.eye(6, dtype=torch.float64)[4]) / 2
    mask = torch.ones(1, 6, dtype=torch.bool)
    torch.testing.assert_close(rolled_out(layers, at(4))[0], expected)
    torch.testing.assert_close(flows(layers, at(4), mask, 64)[0], expected, atol=1e-7, rtol=0)


def graph_of(mixed):
    graph = networkx.DiGraph()
    for number, matrix in enumerate(mixed):
        for i, j in np.ndindex(matrix.shape):
            graph.add_edge((number + 1, i), (number, j), capacity=float(matrix[i, j]))
    return graph


@pytest.mark.parametrize(("tokens", "depth"), [(3, 4), (6, 3), (12, 2)])
def test_flow_is_what_networkx_finds(tokens, depth):
    mixed = [mixing(layer)[0].numpy() for layer in drawn(tokens, depth, sharp=4.0)]
    graph = graph_of(mixed)
    expected = [networkx.maximum_flow_value(graph, (depth, 1), (0, sink)) for sink in range(tokens)]
    assert flow_to_each(mixed, 1) == pytest.approx(expected, abs=1e-6)


def test_flow_is_the_narrowest_cut():
    """By trying every cut, which asks nothing of anybody's search for flows."""
    tokens, depth = 3, 2
    mixed = [mixing(layer)[0].numpy() for layer in drawn(tokens, depth, seed=3, sharp=4.0)]
    graph = graph_of(mixed)
    nodes = [node for node in graph if node != (depth, 0)]
    for sink in range(tokens):
        free = [node for node in nodes if node != (0, sink)]
        cuts = []
        for chosen in itertools.product([False, True], repeat=len(free)):
            inside = {(depth, 0), *(n for n, c in zip(free, chosen, strict=True) if c)}
            cuts.append(
                sum(
                    d["capacity"]
                    for a, b, d in graph.edges(data=True)
                    if a in inside and b not in inside
                )
            )
        assert flow_to_each(mixed, 0)[sink] == pytest.approx(min(cuts), abs=1e-6)


def test_a_path_is_as_wide_as_its_narrowest_edge():
    chain = [np.array([[0.0, 0.25], [0.0, 0.0]]), np.array([[0.5, 0.0], [0.0, 0.0]])]
    assert flow_to_each(chain, 0) == pytest.approx([0, 0.25])


def test_tiny_capacities_are_no_zeros_and_large_sums_do_not_overflow():
    n = 64
    even = [np.full((n, n), 1 / n)] * 6
    assert flow_to_each(even, 0) == pytest.approx(np.ones(n), abs=1e-6)
    assert flow_to_each([np.diag(np.full(3, 1e-6))], 1)[1] == pytest.approx(1e-6, rel=1e-2)


def test_padding_is_no_part_of_the_graph_and_long_texts_have_no_flow():
    layers = drawn(6, 2)
    mask = torch.arange(6) < torch.tensor([[6], [4]])
    two = [Layer(x.alpha.repeat(2, 1, 1, 1), x.values, x.states) for x in layers]
    found = flows(two, torch.tensor([0, 0]), mask, 64)
    assert found[1, 4:].tolist() == [0, 0]
    assert found.sum(1).tolist() == pytest.approx([1, 1])
    short = flows(two, torch.tensor([0, 0]), mask, 5)
    assert short.isnan().all(1).tolist() == [True, False]


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mpnet"])
@torch.no_grad()
def test_of_a_transformer_it_follows_the_row_that_the_head_reads(seen, kind):
    found = seen(kind)
    for name in ("rollout", "flow"):
        shown = find_reading(name).compute(found)
        assert shown.shape == found.batch.ids.shape
        assert shown.sum(1).tolist() == pytest.approx([1, 1], abs=1e-5)
        assert (shown[~found.batch.mask] == 0).all()
    layers, row = found.model.trace(found.batch), found.model.audited_row(found.batch)
    whole = torch.stack([mixing(layer) for layer in layers])
    product = whole[2] @ whole[1] @ whole[0]
    expected = product[torch.arange(2), row] * found.batch.mask
    torch.testing.assert_close(find_reading("rollout").compute(found), expected)


def test_of_a_model_with_one_attention_there_is_nothing_to_follow(classic):
    model = classic().model
    for name in ("rollout", "flow"):
        assert find_reading(name).needs(model) == (
            "it follows the attention of all layers down to the words, and this model shows one"
        )
