"""Every architecture against references that are no code of attnaudit."""

from __future__ import annotations

import pytest
import torch

from tests.support.measure import costs, errors, inputs_of, paired
from tests.support.references import overridden

from .conftest import KINDS, WITHOUT_INTERFACE, text_batch

LENGTHS = (20, 12, 5)
USUAL = ("bert", "gpt2", "mistral", *WITHOUT_INTERFACE)


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=() if k in USUAL else pytest.mark.whole) for k in KINDS]
)
def test_uniform_attention_is_what_an_independent_override_gives(
    make_classifier, make_network, kind
):
    model, network = make_classifier(kind), make_network(kind)
    single = text_batch(*LENGTHS)
    for batch in (single, paired(single, network)):
        found = errors(kind, model, network, batch)
        assert found.identity <= 1e-5
        assert found.uniform <= 1e-5
        assert found.moved > 1e-4


def test_it_would_notice_another_row(make_classifier, make_network):
    """One position further on: what the reference is worth."""
    network, (batch, kind) = make_network("mpnet"), (text_batch(9), "mpnet")
    inputs = inputs_of(network, batch, 0, 9)
    weights = torch.full((4, 9), 1 / 9)
    first, second = (overridden(kind, network, inputs, row, weights) for row in (0, 1))
    assert (first - second).abs().max() > 1e-3


def test_costs_are_counted_in_passes(make_classifier):
    """Variants take the last row alone; deletions shorter texts, and of the last block one row."""
    found = costs(make_classifier("deberta-v3"), text_batch(20))
    assert found.words == 18
    assert 1 < found.variants < 5
    assert 18 / 2 < found.deletions < 18
