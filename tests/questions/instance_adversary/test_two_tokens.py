from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures import divergences
from attnaudit.models.interface import Encoded
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.instance_adversary.make.largest_jsd import farthest_vertices, slab
from attnaudit.questions.instance_adversary.make.two_tokens import _divergence, two_tokens
from attnaudit.questions.instance_adversary.make.weights import moved


def base_of(detached):
    return detached.shown(detached.own[:, None])  # (B, 1, T)


def divergence(detached, weights):
    return divergences.jsd(detached.shown(weights[:, None]), base_of(detached))[:, 0]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([1, 3]), st.sampled_from([2, 4]), st.booleans())
def test_what_is_found_is_feasible_and_on_the_content(drawn, seed, heads, classes, bent):
    detached = drawn(seed, heads=heads, classes=classes, bent=bent)
    weights = two_tokens(detached, 0.01)
    assert (weights >= 0).all()
    assert weights.sum(-1) == pytest.approx(1, abs=1e-9)
    assert (weights[np.broadcast_to(~detached.content[:, None], weights.shape)] == 0).all()
    own = detached.logits(detached.own[:, None])
    assert (moved(detached.logits(weights[:, None]), own) <= 0.01).all()


def test_it_is_near_the_exact_maximum_of_a_linear_readout(drawn):
    """There the farthest weights are a mixture of two tokens, at an edge of what is feasible."""
    gaps = []
    for seed in range(12):
        detached = drawn(seed)
        found = divergence(detached, two_tokens(detached, 0.01))
        values = detached.model.values[:, 0].numpy()
        outside = detached.alpha[:, 0, :1].numpy() * (values[:, 0, 1] - values[:, 0, 0])[:, None]
        logits = detached.mass[:, 0] * (values[..., 1] - values[..., 0]) + outside
        base = base_of(detached)[:, 0]
        low, high = slab((base * logits).sum(-1), 0.01)
        gaps.extend(farthest_vertices(base, logits, detached.content, low, high)[1][:, 0] - found)
    assert min(gaps) >= -1e-9
    assert np.mean(gaps) < 0.05


def test_where_no_token_pulls_the_other_way_it_stays(drawn):
    """The answer rests on what lies outside: all tokens of the content pull away from it."""
    values = torch.zeros(1, 1, 4, 2, dtype=torch.float64)
    values[0, 0, 0, 1], values[0, 0, 1:, 0] = 9.0, torch.tensor([1.0, 1.0, 1.0])
    attendable = torch.ones(1, 4, dtype=torch.bool)
    content = torch.tensor([[False, True, True, True]])
    alpha = torch.tensor([[[0.4, 0.6, 0.0, 0.0]]], dtype=torch.float64)
    values[0, 0, 1, 0] = 0.5
    readout = type(drawn(0).model)(values, False)
    detached = Detached(readout, Encoded(attendable, content), alpha)
    assert (two_tokens(detached, 0.01) == detached.own).all()


def test_divergence_of_a_mixture_is_that_of_the_measures():
    generator = np.random.default_rng(0)
    base = generator.dirichlet(np.ones(6), 3)
    base[0] = [0, 0.5, 0, 0.5, 0, 0]
    first, second = generator.integers(0, 3, (3, 5)), generator.integers(3, 6, (3, 5))
    share = generator.random((3, 5))
    share[0, 0], share[1, 1] = 0, 1
    each = np.eye(6)
    mixed = share[..., None] * each[first] + (1 - share[..., None]) * each[second]
    found = _divergence(*map(torch.from_numpy, (base, first, second, share)))
    assert found.numpy() == pytest.approx(divergences.jsd(mixed, base[:, None]), abs=1e-12)
