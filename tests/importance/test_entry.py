from __future__ import annotations

import pytest
import torch

from attnaudit.importance import entry
from attnaudit.importance.entry import LEAST, Entry
from attnaudit.importance.gradient_passes import signed_gradients
from attnaudit.importance.path_passes import integrated_gradients

LENGTHS = (5, 2, 7, 5, 3)
CPU = torch.device("cpu")


def either_way(monkeypatch, compute):
    found = []
    for least in (0, 1000):
        monkeypatch.setattr(entry, "LEAST", least)
        found.append(compute())
    return found


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ["bilstm", "average"])
def test_gradients_are_the_same_by_the_inlet(
    classic, instances, batch_of, monkeypatch, encoder, paired
):
    model = classic(encoder, paired=paired, classes=3)
    batch = batch_of(instances(LENGTHS, paired=paired, classes=3))
    behind, before = either_way(monkeypatch, lambda: signed_gradients(model, batch, batch.labels))
    assert behind.keys() == before.keys() == {"gradient", "gradient_l2", "gradient_flowing"}
    for name, scores in behind.items():
        torch.testing.assert_close(scores, before[name], rtol=0, atol=1e-12)
        assert scores.abs().max() > 1e-3


@pytest.mark.parametrize("token", [None, 3])
@pytest.mark.parametrize("encoder", ["bilstm", "average"])
def test_integrals_are_the_same_by_the_inlet(
    classic, instances, batch_of, monkeypatch, encoder, token
):
    model, batch = classic(encoder), batch_of(instances(LENGTHS))
    behind, before = either_way(
        monkeypatch,
        lambda: integrated_gradients(model, batch, batch.labels, token, tolerance=0.01, most=100),
    )
    assert abs(behind.signed).max() > 1e-3
    assert abs(behind.signed - before.signed).max() < 1e-9
    assert (behind.gradients == before.gradients).all()


def test_a_norm_that_nobody_asks_for_is_not_computed(classic, instances, batch_of):
    model, batch = classic("bilstm"), batch_of(instances(LENGTHS))
    found = signed_gradients(model, batch, batch.labels, flowing=False, norm=False)
    assert found.keys() == {"gradient"}


def test_only_large_batches_on_a_cpu_take_the_inlet(classic, linear):
    model = classic("bilstm")
    assert Entry(model, LEAST, CPU).inlet is not None
    assert Entry(model, LEAST - 1, CPU).inlet is None
    assert Entry(model, LEAST, torch.device("meta")).inlet is None
    for other in (classic("cnn"), classic("orthogonal_bilstm"), linear):
        assert Entry(other, LEAST, CPU).inlet is None
