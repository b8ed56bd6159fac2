from __future__ import annotations

import pytest
import torch
from torch import nn

from attnaudit.models.classic.encoders import ENCODERS, recomputed
from attnaudit.models.classic.recurrence import GUARD, apart

LENGTHS = [4, 7, 1, 6]
D, H = 5, 8
encoders = pytest.mark.parametrize("name", ENCODERS)


def build(name):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return ENCODERS[name](D, H).double()


@pytest.fixture
def mask():
    return torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS).unsqueeze(1)


@pytest.fixture
def embeddings():
    """Random everywhere, padding included: what stands there must not matter."""
    shape = len(LENGTHS), max(LENGTHS), D
    return torch.randn(shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_bilstm_is_a_bidirectional_lstm_over_packed_texts(embeddings, mask):
    encoder = build("bilstm")
    oracle = nn.LSTM(D, H, batch_first=True, bidirectional=True).double()
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        with torch.no_grad():
            oracle.get_parameter(name).copy_(encoder.ahead.get_parameter(name))
            oracle.get_parameter(f"{name}_reverse").copy_(encoder.back.get_parameter(name))
    packed = nn.utils.rnn.pack_padded_sequence(
        embeddings, LENGTHS, batch_first=True, enforce_sorted=False
    )
    states, (last, _) = oracle(packed)
    unpacked, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
    found = encoder(embeddings, mask)
    assert encoder.width == 2 * H
    close(found, unpacked)
    close(encoder.summary(found, mask), torch.cat([last[0], last[1]], dim=-1))


def test_orthogonal_bilstm_is_a_cell_whose_state_loses_its_projection(embeddings, mask):
    """Text by text with torch's own cell: h less (h.m / m.m) m, m the mean of the states before."""
    encoder = build("orthogonal_bilstm")
    found = encoder(embeddings, mask)
    for lstm, part, backwards in (
        (encoder.ahead, found[..., :H], False),
        (encoder.back, found[..., H:], True),
    ):
        cell = nn.LSTMCell(D, H).double()
        with torch.no_grad():
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                cell.get_parameter(name).copy_(lstm.get_parameter(f"{name}_l0"))
        for b, length in enumerate(LENGTHS):
            state, memory, before = torch.zeros(1, H).double(), torch.zeros(1, H).double(), []
            for t in reversed(range(length)) if backwards else range(length):
                state, memory = cell(embeddings[b : b + 1, t], (state, memory))
                if before:
                    mean = torch.cat(before).mean(0)
                    guard = 1e-6 / len(before) ** 2  # of the mean, what 1e-6 is of the sum
                    state = state - (state @ mean) / (mean @ mean + guard) * mean
                before.append(state)
                close(part[b, t], state[0])


def test_states_that_are_kept_apart_are_orthogonal_to_the_mean_of_those_before(embeddings, mask):
    encoder = build("orthogonal_bilstm")
    found = encoder(embeddings, mask).detach()
    plain = build("bilstm")
    plain.load_state_dict(encoder.state_dict())  # they have the same weights
    least = []
    for states, others in ((found, plain(embeddings, mask)), (found.flip(1), None)):
        part = states[..., :H] if others is not None else states[..., H:]
        sums = part.cumsum(1) - part
        along = (part * sums).sum(-1).abs()
        # At most GUARD / (S.S + GUARD) of the projection is left of it.
        assert (along <= GUARD / (sums.square().sum(-1) + GUARD) + 1e-12).all()
        # So the squares of the lengths add up, as Pythagoras has it.
        whole, each = part.sum(1).square().sum(-1), part.square().sum(-1).sum(1)
        torch.testing.assert_close(whole, each, rtol=1e-3, atol=0)
        if others is not None:
            sums = (others[..., :H].cumsum(1) - others[..., :H]).detach()
            least.append((others[..., :H] * sums).sum(-1).abs().max())
    assert min(least) > 1e-3  # those of a plain LSTM are not


def test_apart_takes_away_the_projection_and_nothing_else():
    states = torch.tensor([[3.0, 4.0], [3.0, 4.0], [-2.0, 0.0]])
    earlier = torch.tensor([[5.0, 0.0], [0.0, 0.0], [0.5, 0.0]])
    expected = torch.tensor([[0.0, 4.0], [3.0, 4.0], [0.0, 0.0]])
    torch.testing.assert_close(apart(states, earlier), expected, rtol=0, atol=1e-5)


def test_cnn_is_a_loop_over_windows(embeddings, mask):
    encoder = build("cnn")
    assert [c.kernel_size[0] for c in encoder.convolutions] == [1, 3, 5, 7]
    assert encoder.width == H
    found = encoder(embeddings, mask)
    for b, length in enumerate(LENGTHS):
        for t in range(length):
            expected = []
            for convolution in encoder.convolutions:
                size = convolution.kernel_size[0]
                total = convolution.bias.clone()
                for offset in range(size):
                    place = t + offset - size // 2
                    if 0 <= place < length:
                        total = total + convolution.weight[:, :, offset] @ embeddings[b, place]
                expected.append(total.clamp(min=0))
            close(found[b, t], torch.cat(expected))
        close(encoder.summary(found, mask)[b], found[b, :length].max(0).values)


def test_average_projects_each_token_alone(embeddings, mask):
    encoder = build("average")
    found = encoder(embeddings, mask)
    weight, bias = encoder.projection.weight, encoder.projection.bias
    for b, length in enumerate(LENGTHS):
        for t in range(length):
            close(found[b, t], torch.tanh(weight @ embeddings[b, t] + bias))
        close(encoder.summary(found, mask)[b], found[b, :length].mean(0))


@encoders
def test_states_are_zero_at_padding_and_padding_reaches_nothing(name, embeddings, mask):
    encoder = build(name)
    found = encoder(embeddings, mask)
    assert (found[~mask] == 0).all()
    other = torch.where(mask.unsqueeze(-1), embeddings, 100.0)
    close(encoder(other, mask), found)
    for b, length in enumerate(LENGTHS):
        alone = encoder(embeddings[b : b + 1, :length], mask[b : b + 1, :length])
        close(alone[0], found[b, :length])
        close(encoder.summary(alone, mask[b : b + 1, :length])[0], encoder.summary(found, mask)[b])


@encoders
def test_local_gives_the_same_states(name, embeddings, mask):
    encoder = build(name)
    close(encoder.local(embeddings, mask), encoder(embeddings, mask))


@encoders
def test_the_graph_of_local_is_the_diagonal_of_the_jacobian(name, embeddings, mask):
    encoder = build(name)
    generator = torch.Generator().manual_seed(5)
    seen = torch.randn(encoder.width, generator=generator, dtype=torch.float64)
    leaf = embeddings.clone().requires_grad_()
    (local,) = torch.autograd.grad((encoder.local(leaf, mask) @ seen).sum(), leaf)

    def one_number_a_state(x):
        return encoder(x, mask) @ seen  # (B, T)

    full = torch.autograd.functional.jacobian(one_number_a_state, embeddings)  # (B, T, B, T, D)
    texts, tokens = torch.meshgrid(*map(torch.arange, mask.shape), indexing="ij")
    close(local, full[texts, tokens, texts, tokens])
    assert local[mask].abs().min() > 0 or name == "cnn"  # a filter may be off at a token


@encoders
@pytest.mark.parametrize("margin", [0, 1])
@pytest.mark.parametrize(("first", "last"), [(0, 6), (0, 1), (2, 5), (5, 6)])
def test_deletions_are_a_map_of_the_states_of_the_shorter_texts(
    name, embeddings, first, last, margin
):
    encoder = build(name)
    generator = torch.Generator().manual_seed(6)
    weight = torch.randn(3, encoder.width, generator=generator, dtype=torch.float64)
    bias = torch.randn(3, generator=generator, dtype=torch.float64)
    texts = embeddings[:, :6]
    with torch.no_grad():
        found = encoder.deletions(texts, first, last, weight, bias, margin)
    assert found.shape == (5 - 2 * margin, last - first, len(texts), 3)
    mask = torch.ones(len(texts), 5, dtype=torch.bool)
    for v, t in enumerate(range(first, last)):
        shorter = torch.cat([texts[:, :t], texts[:, t + 1 :]], dim=1)
        states = encoder(shorter, mask)[:, margin : 5 - margin]
        close(found[:, v].transpose(0, 1), states @ weight.T + bias)
    # What a GPU computes: all shorter texts in one pass.
    close(recomputed(encoder, texts, first, last, weight, bias, margin), found)


@pytest.mark.parametrize("name", ["bilstm", "average"])
def test_what_enters_by_the_inlet_gives_the_same_states_and_gradients(name, embeddings, mask):
    encoder = build(name).requires_grad_(False)
    inlet = encoder.inlet()
    entered = (embeddings @ inlet.weight.T + inlet.bias).requires_grad_()
    leaf = embeddings.clone().requires_grad_()
    plain, found = encoder(leaf, mask), encoder.from_inlet(entered, mask)
    close(found, plain)
    assert (found[~mask] == 0).all()
    seen = torch.randn(plain.shape, generator=torch.Generator().manual_seed(7)).double()
    (expected,) = torch.autograd.grad(plain, leaf, seen)
    (slopes,) = torch.autograd.grad(found, entered, seen)
    close(slopes @ inlet.weight, expected)


@pytest.mark.parametrize("name", ["orthogonal_bilstm", "cnn"])
def test_encoders_without_an_inlet_say_so(name):
    assert build(name).inlet() is None
