"""The product of weights and values, in networks of a few lines that do it in many ways."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from attnaudit.errors import ModelError
from attnaudit.models.transformer.calls import wide
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.finding import find_products
from attnaudit.models.transformer.seams import repeated_in

from .conftest import text_batch

HEADS, SIZE = 2, 8


def matmul(weights, values):
    return (weights @ values).transpose(1, 2)


def batched(weights, values):
    b, h, q, t = weights.shape
    product = torch.bmm(weights.view(b * h, q, t), values.reshape(b * h, t, -1))
    return product.view(b, h, q, -1).transpose(1, 2)


def heads_first(weights, values):
    h, b, q, t = weights.transpose(0, 1).shape
    left = weights.transpose(0, 1).reshape(h * b, q, t)
    product = torch.bmm(left, values.transpose(0, 1).reshape(h * b, t, -1))
    return product.view(h, b, q, -1).permute(1, 2, 0, 3)


def einsum(weights, values):
    mixed = torch.einsum("xyij, jxyk -> ixyk", weights, values.permute(2, 0, 1, 3))
    return mixed.transpose(0, 1)


WAYS = (matmul, batched, heads_first, einsum)


class Block(nn.Module):
    """Attention that is causal, and a product and a softmax before it that are none of it."""

    def __init__(self, way, wrong=None):
        super().__init__()
        self.project, self.out = nn.Linear(SIZE, 3 * SIZE), nn.Linear(SIZE, SIZE)
        self.dropout = nn.Dropout(0.25)
        self.way, self.wrong = way, wrong

    def forward(self, states):
        states = states + 0.1 * torch.softmax(states @ states.transpose(1, 2), -1) @ states
        if self.wrong == "skips":
            return self.out(states), None
        if self.wrong == "first another":
            states = states @ torch.eye(SIZE)
        split = self.project(states).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split
        scores = query @ key.transpose(-1, -2)
        later = torch.ones(scores.shape[-2:]).triu(1).bool()
        scores = scores.masked_fill(later, torch.finfo(scores.dtype).min)
        weights = nn.functional.softmax(scores, dim=-1)
        shown = weights
        if self.wrong == "scaled":
            weights = 2 * weights
        given = self.way(self.dropout(weights), value)  # (B, T, H, D)
        if self.wrong == "twice":
            given = given + self.way(weights, value)
        if self.wrong == "shown":
            shown = scores
        return self.out(given.flatten(2)), shown


class Network(nn.Module):
    def __init__(self, way, wrong=None, layers=2):
        super().__init__()
        self.blocks = nn.ModuleList([Block(way, wrong) for _ in range(layers)])

    def forward(self, states, output_attentions=False):
        shown = []
        for block in self.blocks:
            states, weights = block(states)
            shown.append(weights)
        return SimpleNamespace(states=states, attentions=shown if output_attentions else None)


@pytest.fixture
def found():
    """A network with its seam, what goes in, and what comes out of it."""

    def make(way, wrong=None):
        torch.manual_seed(0)
        network = Network(way, wrong).eval().requires_grad_(False)
        states = torch.randn(3, 5, SIZE)
        seam = find_products(repeated_in(network), lambda **asked: network(states, **asked))
        return network, seam, states

    return make


@pytest.mark.parametrize("way", WAYS)
def test_each_block_brings_its_weights_and_its_values(found, way):
    network, seam, states = found(way)
    calls = []
    with seam.handling(lambda call: calls.append(call) or call.plain()):
        out = network(states, output_attentions=True)
    torch.testing.assert_close(out.states, network(states).states)
    assert [place.softmax for place in seam.places.values()] == [2, 2]
    for call, shown in zip(calls, out.attentions, strict=True):
        torch.testing.assert_close(call.weights(), shown)
        torch.testing.assert_close(call.output(call.weights()), call.plain())
        assert call.vectors().shape == (3, HEADS, 5, SIZE // HEADS)
        assert torch.equal(call.reach(), torch.ones(5, 5).tril().bool().expand(3, HEADS, 5, 5))
        row = call.of_rows(torch.tensor([0, 2, 4]))
        assert torch.equal(row.weights()[1, :, 0], call.weights()[1, :, 2])
        assert row.reach().sum(-1).flatten().tolist() == [1, 1, 3, 3, 5, 5]
        torch.testing.assert_close(row.output(row.weights())[2, 0], call.plain()[2, 4])


@pytest.mark.parametrize("way", WAYS)
def test_what_the_handler_gives_goes_on(found, way):
    """Uniform attention in the last block, against the block by hand."""
    network, seam, states = found(way)
    calls = []

    def handler(call):
        calls.append(call)
        even = torch.full_like(call.weights(), 1 / 5)
        return call.plain() if len(calls) == 1 else call.output(even)

    with seam.handling(handler):
        answered = network(states).states
    last = network.blocks[1]
    values = calls[1].vectors().mean(2, keepdim=True).expand(-1, -1, 5, -1)
    torch.testing.assert_close(answered, last.out(values.transpose(1, 2).flatten(2)))
    assert (answered - network(states).states).abs().max() > 0.01
    assert not any("forward" in vars(module) for module in network.modules())


def test_hidden_positions_get_no_weight(found):
    network, seam, states = found(batched)
    hidden = torch.zeros(3, 5, dtype=torch.bool)
    hidden[1, 0] = hidden[2, 3] = True
    calls = []
    with seam.handling(lambda call: calls.append(call) or call.plain()):
        network(states)
    before, after = calls[0], calls[0].hiding(hidden)
    assert torch.equal(after.reach(), before.reach() & ~hidden[:, None, None])
    torch.testing.assert_close(after.weights()[0], before.weights()[0])
    left = before.weights() * ~hidden[:, None, None]
    expected = left / left.sum(-1, keepdim=True)
    seen = after.reach().any(-1)  # of the second text the first query sees nothing any more
    assert seen.sum() == 3 * HEADS * 5 - HEADS
    torch.testing.assert_close(after.weights()[seen], expected[seen])
    torch.testing.assert_close(after.plain()[0], before.plain()[0])


@pytest.mark.parametrize("way", ["skips", "first another"])
def test_another_way_for_some_texts_is_an_error(found, way):
    """Such as a layer that leaves its attention out, or makes another product before."""
    network, seam, states = found(matmul)
    network.blocks[1].wrong = way
    said = "its attention is computed in another way for some texts"
    with seam.handling(lambda call: call.plain()), pytest.raises(ModelError, match=said):
        network(states)


def test_training_drops_what_the_network_drops(found):
    network, seam, states = found(matmul)
    shares = []
    for training in (True, False):
        network.train(training)
        with seam.handling(lambda call: shares.append(call.dropout) or call.plain()):
            network(states)
    assert shares == [0.25, 0.25, 0.0, 0.0]
    ones = torch.ones(100, 100)
    with seam.handling(lambda call: shares.append(call.dropped(ones).mean()) or call.plain()):
        network.train()(states)
    assert shares[-1] != 1
    assert shares[-1] == pytest.approx(1, abs=0.05)


def test_gradients_go_through_weights_and_values(found):
    network, seam, states = found(batched)
    leaf = states.clone().requires_grad_()
    with seam.handling(lambda call: call.output(call.weights())):
        ours = torch.autograd.grad(network(leaf).states.square().sum(), leaf)[0]
    theirs = torch.autograd.grad(network(leaf).states.square().sum(), leaf)[0]
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("wrong", ["scaled", "twice", "shown"])
def test_what_does_otherwise_is_refused(found, wrong):
    with pytest.raises(ModelError, match="none of its products averages values under the atten"):
        found(matmul, wrong)


def test_what_shows_no_attention_is_refused():
    network, states = Network(matmul), torch.randn(2, 4, SIZE)
    with pytest.raises(ModelError, match="and it does not report what it attends to"):
        find_products(repeated_in(network), lambda **_: network(states))


def test_what_shows_some_layers_alone_is_refused():
    network, states = Network(matmul).eval(), torch.randn(2, 4, SIZE)

    def run(**asked):
        out = network(states, **asked)
        return SimpleNamespace(attentions=out.attentions[1:])

    with pytest.raises(ModelError, match="and it reports that of some layers alone"):
        find_products(repeated_in(network), run)


# --- architectures ------------------------------------------------------------------------------


def test_one_value_for_all_heads(make_classifier):
    model, batch = make_classifier("falcon"), text_batch(9, 6)
    encoded = model.encode(batch)
    assert encoded.call.value.shape == (2, 1, 9, 8)
    vectors = model.values(encoded).vectors
    assert vectors.shape == (2, 4, 9, 8)
    assert torch.equal(vectors[:, 0], vectors[:, 3])


def test_values_that_are_turned_by_their_place(make_classifier, make_network):
    """No projection gives them: what is averaged is what counts."""
    model, batch = make_classifier("roformer", rotary_value=True), text_batch(9, 6)
    assert isinstance(model, TransformerClassifier)
    encoded = model.encode(batch)
    own = make_network("roformer", rotary_value=True)
    answer = own(input_ids=batch.ids, attention_mask=batch.mask.long()).logits
    read = model.read(encoded, model.attend(encoded).unsqueeze(1))[:, 0]
    torch.testing.assert_close(read, answer, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["deberta-v3", "bloom"])
def test_half_precision(make_network, kind):
    model = TransformerClassifier(make_network(kind).bfloat16(), text_batch(9, 6))
    encoded = model.encode(text_batch(9, 6))
    assert encoded.call.value.dtype == torch.bfloat16
    assert model.attend(encoded).dtype == wide(encoded.call.value).dtype == torch.float32
