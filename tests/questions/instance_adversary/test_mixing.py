from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures import divergences
from attnaudit.models.interface import Encoded
from attnaudit.questions.instance_adversary.make import mixing
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.instance_adversary.make.largest_jsd import farthest_vertices, slab
from attnaudit.questions.instance_adversary.make.weights import caps, moved


def base_of(detached):
    return detached.shown(detached.own[:, None])  # (B, 1, T)


def divergence(detached, weights):
    return divergences.jsd(detached.shown(weights[:, None]), base_of(detached))[:, 0]


@pytest.mark.whole  # a search over many models
@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 3]),
    st.sampled_from([2, 4]),
    st.booleans(),
    st.sampled_from([1e-5, 0.01, 0.3]),
)
def test_what_is_found_is_feasible_and_below_the_cap(drawn, seed, heads, classes, bent, epsilon):
    detached = drawn(seed, heads=heads, classes=classes, bent=bent)
    weights = mixing.mix(detached, epsilon, base_of(detached))
    assert (weights >= 0).all()
    assert weights.sum(-1) == pytest.approx(1, abs=1e-9)
    outside = np.broadcast_to(~detached.content[:, None], weights.shape)
    assert (weights[outside] == 0).all()
    own = detached.logits(detached.own[:, None])
    assert (moved(detached.logits(weights[:, None]), own) <= epsilon).all()
    assert (
        divergence(detached, weights) <= caps(base_of(detached)[:, 0], detached.content) + 1e-9
    ).all()


def test_it_comes_near_the_exact_maximum_and_never_above(drawn):
    gaps = []
    for seed in range(12):
        detached = drawn(seed)
        found = divergence(detached, mixing.mix(detached, 0.05, base_of(detached)))
        values = detached.model.values[:, 0].numpy()
        outside = detached.alpha[:, 0, :1].numpy() * (values[:, 0, 1] - values[:, 0, 0])[:, None]
        logits = detached.mass[:, 0] * (values[..., 1] - values[..., 0]) + outside
        base = base_of(detached)[:, 0]
        low, high = slab((base * logits).sum(-1), 0.05)
        exact = farthest_vertices(base, logits, detached.content, low, high)[1][:, 0]
        gaps.extend(exact - found)
    assert min(gaps) >= -1e-9
    assert np.mean(gaps) < 0.06


def test_where_nothing_moves_the_answer_it_finds_the_cap(drawn):
    detached = drawn(0, heads=2, spread=0.0)
    detached.model.values.zero_()
    found = divergence(detached, mixing.mix(detached, 0.01, base_of(detached)))
    assert found == pytest.approx(caps(base_of(detached)[:, 0], detached.content), abs=1e-3)


def test_an_instance_does_not_depend_on_its_batch(drawn):
    together = drawn(5, heads=2, bent=True)
    weights = mixing.mix(together, 0.02, base_of(together))
    for b in range(3):
        encoded = Encoded(
            together.encoded.attendable[b : b + 1], together.encoded.content[b : b + 1]
        )
        readout = type(together.model)(together.model.values[b : b + 1], True)
        alone = Detached(readout, encoded, together.alpha[b : b + 1])
        assert mixing.mix(alone, 0.02, base_of(alone))[0] == pytest.approx(weights[b], abs=1e-9)


def test_small_calls_of_read_find_the_same(drawn, monkeypatch):
    detached = drawn(3, heads=2)
    whole = mixing.mix(detached, 0.02, base_of(detached))
    monkeypatch.setattr(mixing, "CELLS", 1)
    found = mixing.mix(detached, 0.02, base_of(detached))
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-9)


def test_the_nearest_reference_counts(drawn):
    detached = drawn(1, heads=2)
    generator = np.random.default_rng(0)
    weights = generator.random((3, 4, 2, 10)) * detached.content[:, None, None]
    weights /= weights.sum(-1, keepdims=True)
    shown = detached.shown(weights)
    references = np.concatenate([base_of(detached), shown[:, 1:2]], axis=1)
    value = mixing._Search(detached, 0.05, references).value(torch.from_numpy(weights))
    expected = divergences.jsd(shown[:, :, None], references[:, None]).min(-1)
    assert value.numpy() == pytest.approx(expected, abs=1e-12)


def test_further_references_are_kept_away_from(drawn):
    detached = drawn(2)
    first = mixing.mix(detached, 0.05, base_of(detached))
    both = np.concatenate([base_of(detached), detached.shown(first[:, None])], axis=1)
    second = mixing.mix(detached, 0.05, both)
    assert (divergences.jsd(detached.shown(second[:, None]), both).min(1) > 0.05).all()


def test_a_start_is_never_made_worse(drawn):
    detached = drawn(4)
    start = mixing.mix(detached, 0.05, base_of(detached))
    again = mixing.mix(detached, 0.05, base_of(detached), start)
    assert (divergence(detached, again) >= divergence(detached, start) - 1e-12).all()


def test_the_divergence_is_that_of_the_measures_and_its_gradient_is_finite():
    generator = np.random.default_rng(0)
    p, q = generator.dirichlet(np.ones(5), (2, 7))
    q[0] = [1, 0, 0, 0, 0]
    p[1] = [0, 1, 0, 0, 0]
    p_, q_ = torch.from_numpy(p).requires_grad_(), torch.from_numpy(q)
    found = mixing.jsd(p_, q_)
    assert found.detach().numpy() == pytest.approx(divergences.jsd(p, q), abs=1e-12)
    found.sum().backward()
    assert p_.grad.isfinite().all()


def every_move(search, weights):
    """By brute force: the best divergence after one move of one instance, as far as it fits."""
    heads, tokens = weights.shape
    groups = [[h] for h in range(heads)] + ([list(range(heads))] if heads > 1 else [])
    best = -np.inf
    for group in groups:
        for token in search.detached.content[0].nonzero()[0]:
            for adds in (True, False):
                target = weights.copy()
                for head in group:
                    target[head] = np.arange(tokens) == token if adds else weights[head]
                    target[head, token] = float(adds)
                    target[head] /= target[head].sum()
                low, high, step = 0.0, 1.0, 1.0
                for _ in range(mixing.HALVINGS + 1):
                    moved = torch.from_numpy(weights + step * (target - weights))[None]
                    one = torch.tensor([[True]])
                    fits = bool(search._feasible(moved, one, torch.tensor([0])).item())
                    low, high = (step, high) if fits else (low, step)
                    step = 1.0 if low == 1 else (low + high) / 2
                last = torch.from_numpy(weights + low * (target - weights))[None, None]
                best = max(best, float(search.value(last).item()))
    return best


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_a_sweep_finds_the_best_of_all_moves(drawn, monkeypatch, heads, at_once):
    monkeypatch.setattr(mixing, "AT_ONCE", at_once)
    for seed in range(4):
        detached = drawn(seed, lengths=(6,), heads=heads, bent=True, width=8)
        search = mixing._Search(detached, 0.02, base_of(detached))
        own = torch.from_numpy(detached.own)
        found, gained = search.sweep(own, torch.tensor([True]))
        assert gained.all()
        value = float(search.value(found.unsqueeze(1)).item())
        assert value == pytest.approx(every_move(search, detached.own[0]), abs=1e-12)


def test_it_asks_for_few_answers(drawn, monkeypatch):
    """Most moves cannot beat the best, whatever they do to the answer."""
    detached = drawn(0, lengths=(9,), heads=3, bent=True)
    read, asked = detached.model.read, []

    def counting(encoded, alpha):
        asked.append(alpha.shape[0] * alpha.shape[1])
        return read(encoded, alpha)

    monkeypatch.setattr(mixing, "AT_ONCE", 8)
    monkeypatch.setattr(detached.model, "read", counting)
    search = mixing._Search(detached, 0.05, base_of(detached))
    asked.clear()
    search.sweep(torch.from_numpy(detached.own), torch.tensor([True]))
    moves = 2 * (3 + 1) * 9
    assert max(asked) <= 8
    assert sum(asked) < moves * (1 + mixing.HALVINGS) / 4


def test_an_instance_that_is_done_stays(drawn):
    detached = drawn(5, heads=2, bent=True)
    search = mixing._Search(detached, 0.02, base_of(detached))
    own = torch.from_numpy(detached.own)
    found, gained = search.sweep(own, torch.tensor([True, False, True]))
    assert gained.tolist() == [True, False, True]
    assert torch.equal(found[1], own[1])
