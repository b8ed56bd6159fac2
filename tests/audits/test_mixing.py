from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.audits import mixing
from attnaudit.audits.adversarial_weights import caps, moved
from attnaudit.audits.detached import Detached
from attnaudit.audits.largest_jsd import farthest_vertices, slab
from attnaudit.measures import divergences
from attnaudit.models.interface import Encoded


class Readout:
    """Linear in two heads' weights, or (bent) the tanh of that; what a batch's rows answer."""

    def __init__(self, values, bent):
        self.values, self.bent = values, bent  # (B, H, T, C)

    def read(self, encoded, alpha):
        logits = torch.einsum("bvht,bhtc->bvc", alpha, self.values)
        return 3 * logits.tanh() if self.bent else logits


def drawn(seed, lengths=(3, 6, 9), heads=1, classes=2, bent=False, width=10, spread=2.0):
    """Texts of several lengths; position 0 of each is attended to and is no content."""
    generator = np.random.default_rng(seed)
    attendable = np.zeros((len(lengths), width), bool)
    alpha = np.zeros((len(lengths), heads, width))
    values = np.full((len(lengths), heads, width, classes), 50.0)
    for b, n in enumerate(lengths):
        attendable[b, : n + 1] = True
        alpha[b, :, : n + 1] = generator.dirichlet(np.full(n + 1, 0.6), heads)
        values[b, :, : n + 1] = spread * generator.normal(size=(heads, n + 1, classes))
    content = attendable.copy()
    content[:, 0] = False
    encoded = Encoded(torch.from_numpy(attendable), torch.from_numpy(content))
    return Detached(Readout(torch.from_numpy(values), bent), encoded, torch.from_numpy(alpha))


def base_of(detached):
    return detached.shown(detached.own[:, None])  # (B, 1, T)


def divergence(detached, weights):
    return divergences.jsd(detached.shown(weights[:, None]), base_of(detached))[:, 0]


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 3]),
    st.sampled_from([2, 4]),
    st.booleans(),
    st.sampled_from([1e-5, 0.01, 0.3]),
)
def test_what_is_found_is_feasible_and_below_the_cap(seed, heads, classes, bent, epsilon):
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


def test_it_comes_near_the_exact_maximum_and_never_above():
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


def test_where_nothing_moves_the_answer_it_finds_the_cap():
    detached = drawn(0, heads=2, spread=0.0)
    detached.model.values.zero_()
    found = divergence(detached, mixing.mix(detached, 0.01, base_of(detached)))
    assert found == pytest.approx(caps(base_of(detached)[:, 0], detached.content), abs=1e-3)


def test_an_instance_does_not_depend_on_its_batch():
    together = drawn(5, heads=2, bent=True)
    weights = mixing.mix(together, 0.02, base_of(together))
    for b in range(3):
        encoded = Encoded(
            together.encoded.attendable[b : b + 1], together.encoded.content[b : b + 1]
        )
        readout = Readout(together.model.values[b : b + 1], True)
        alone = Detached(readout, encoded, together.alpha[b : b + 1])
        assert mixing.mix(alone, 0.02, base_of(alone))[0] == pytest.approx(weights[b], abs=1e-9)


def test_small_calls_of_read_find_the_same(monkeypatch):
    detached = drawn(3, heads=2)
    whole = mixing.mix(detached, 0.02, base_of(detached))
    monkeypatch.setattr(mixing, "CELLS", 1)
    assert np.array_equal(mixing.mix(detached, 0.02, base_of(detached)), whole)


def test_the_nearest_reference_counts():
    detached = drawn(1, heads=2)
    generator = np.random.default_rng(0)
    weights = generator.random((3, 4, 2, 10)) * detached.content[:, None, None]
    weights /= weights.sum(-1, keepdims=True)
    shown = detached.shown(weights)
    references = np.concatenate([base_of(detached), shown[:, 1:2]], axis=1)
    value = mixing._Search(detached, 0.05, references).value(torch.from_numpy(weights))
    expected = divergences.jsd(shown[:, :, None], references[:, None]).min(-1)
    assert value.numpy() == pytest.approx(expected, abs=1e-12)


def test_further_references_are_kept_away_from():
    detached = drawn(2)
    first = mixing.mix(detached, 0.05, base_of(detached))
    both = np.concatenate([base_of(detached), detached.shown(first[:, None])], axis=1)
    second = mixing.mix(detached, 0.05, both)
    assert (divergences.jsd(detached.shown(second[:, None]), both).min(1) > 0.05).all()


def test_a_start_is_never_made_worse():
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
