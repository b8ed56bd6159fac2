from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.models.classic.attentions import ATTENTIONS, Additive, ScaledDot, Uniform


@pytest.fixture
def states():
    return torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture
def query():
    return torch.randn(3, 6, generator=torch.Generator().manual_seed(2)).double()


def arrays(module):
    return {name: p.detach().numpy() for name, p in module.named_parameters()}


@pytest.mark.parametrize("paired", [False, True])
def test_additive_is_v_tanh_of_projected_state_and_query(states, query, paired):
    attention = Additive(6, paired).double()
    p = arrays(attention)
    assert p["states.weight"].shape == (3, 6)
    h, q = states.numpy(), query.numpy()
    expected = np.empty((3, 5))
    for b in range(3):
        for t in range(5):
            inner = p["states.weight"] @ h[b, t] + p["states.bias"]
            if paired:
                inner = inner + p["query.weight"] @ q[b]
            expected[b, t] = p["score.weight"][0] @ np.tanh(inner)
    scores = attention(states, query if paired else None).detach().numpy()
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-14)


def test_scaled_dot_of_a_pair_is_state_times_query(states, query):
    attention = ScaledDot(6, paired=True)
    assert not list(attention.parameters())
    h, q = states.numpy(), query.numpy()
    expected = [[h[b, t] @ q[b] / np.sqrt(6) for t in range(5)] for b in range(3)]
    np.testing.assert_allclose(attention(states, query).numpy(), expected, rtol=0, atol=1e-14)


def test_scaled_dot_of_a_single_text_has_a_learned_query(states):
    attention = ScaledDot(6, paired=False).double()
    p = arrays(attention)
    assert list(p) == ["query.weight"]
    expected = states.numpy() @ p["query.weight"][0] / np.sqrt(6)
    scores = attention(states, None).detach().numpy()
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-14)


def test_uniform_scores_all_the_same_and_learns_nothing(states):
    attention = Uniform(6, paired=False)
    assert not list(attention.parameters())
    assert torch.equal(attention(states, None), torch.zeros(3, 5).double())


def test_single_texts_and_pairs_have_the_parameters_that_they_use():
    names = {
        (name, paired): {n for n, _ in kind(8, paired).named_parameters()}
        for name, kind in ATTENTIONS.items()
        for paired in (False, True)
    }
    single = {"states.weight", "states.bias", "score.weight"}
    assert names == {
        ("additive", False): single,
        ("additive", True): single | {"query.weight"},
        ("dot", False): {"query.weight"},
        ("dot", True): set(),
        ("uniform", False): set(),
        ("uniform", True): set(),
    }
