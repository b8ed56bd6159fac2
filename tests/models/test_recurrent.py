from __future__ import annotations

import torch
from torch import nn

from attnaudit.models import recurrent
from attnaudit.models.recurrent import differentiable


class Stacked(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, dropout=dropout, batch_first=True)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, given):
        return self.norm(self.lstm(given)[0].transpose(1, 2))


def test_on_a_cpu_nothing_changes():
    model = Stacked(0.0).eval()
    with differentiable(model):
        assert not model.lstm.training


def test_recurrent_layers_of_a_gpu_are_in_training_mode_and_answer_alike(monkeypatch):
    monkeypatch.setattr(recurrent, "_on_gpu", lambda layer: True)
    model, given = Stacked(0.0).eval(), torch.randn(2, 5, 3)
    before = model(given)
    with differentiable(model):
        assert model.lstm.training
        assert not model.norm.training  # its answers would be others
        assert not model.training
        torch.testing.assert_close(model(given), before)
    assert not model.lstm.training


def test_layers_with_dropout_go_without_cudnn(monkeypatch):
    monkeypatch.setattr(recurrent, "_on_gpu", lambda layer: True)
    model = Stacked(0.5).eval()
    with differentiable(model):
        assert not model.lstm.training
        assert not torch.backends.cudnn.enabled
    assert torch.backends.cudnn.enabled


def test_a_model_in_training_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(recurrent, "_on_gpu", lambda layer: True)
    model = Stacked(0.5).train()
    with differentiable(model):
        assert model.lstm.training
        assert torch.backends.cudnn.enabled
    assert model.lstm.training
