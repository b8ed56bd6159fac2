from __future__ import annotations

import socket
from pathlib import Path

import pytest
import torch

from attnaudit.audits.run import run_training
from attnaudit.execution.observer import Silent
from attnaudit.models.recipe import Overrides, read_config

TINY = """\
data:
  reviews: {train: 60, dev: 20, test: 30, seed: 0}
model: {encoder: bilstm, embedding: 16, hidden: 8, attention: additive}
training: {epochs: 1, learning_rate: 0.01, seed: 0}
"""


@pytest.fixture(autouse=True, scope="session")
def _one_thread_and_no_network():
    connect = socket.socket.connect

    def refuse(self, address):
        if self.family == socket.AF_UNIX:
            return connect(self, address)
        raise OSError(f"tests may not connect to {address}")

    torch.set_num_threads(1)
    socket.socket.connect = refuse
    yield
    socket.socket.connect = connect


@pytest.fixture(scope="session")
def tiny_yaml() -> str:
    return TINY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A folder with a small trained model.pt and its data.yaml; for reading only."""
    folder = tmp_path_factory.mktemp("tiny")
    config = folder / "tiny.yaml"
    config.write_text(TINY)
    settings = read_config(config, Overrides(output=folder))
    run_training(settings, "cpu", 1, Silent(), False, ["attnaudit", "train"])
    return folder
