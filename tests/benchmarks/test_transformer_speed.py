from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
import torch

from attnaudit.data.batch import OUTSIDE, Batch

MODEL = Path(__file__).parents[3] / "shared" / "models" / "minilm-sst2"
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(not MODEL.is_dir(), reason="the model minilm-sst2 is not here"),
]

TOKENS = 24


@pytest.fixture(scope="module")
def model():
    from attnaudit.models.transformer.loading import load_classifier
    from attnaudit.models.transformer.opening import open_reference
    from attnaudit.models.transformer.reference import Reference

    return load_classifier(open_reference(Reference(str(MODEL)))).requires_grad_(False)


def batch_of(size):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 20000, (size, TOKENS), generator=generator)
    ids[:, 0], ids[:, -1] = 101, 102
    words = (torch.arange(TOKENS) - 1).repeat(size, 1)
    words[:, -1] = OUTSIDE
    rows = torch.arange(size)
    return Batch(ids, torch.ones_like(ids, dtype=torch.bool), words, torch.zeros_like(rows), rows)


@pytest.mark.parametrize("size", [4, 32])
@torch.no_grad()
def test_steps(model, size, figure):
    """One step after the other in each round, so that a busy machine slows all of them."""
    batch = batch_of(size)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    variants = torch.rand(size, 100, alpha.shape[1], TOKENS)
    steps = {
        "a plain forward": lambda: model(batch),
        "encode": lambda: model.encode(batch),
        "1 variant": lambda: model.read(encoded, variants[:, :1]),
        "10": lambda: model.read(encoded, variants[:, :10]),
        "100": lambda: model.read(encoded, variants),
    }
    taken = {name: [] for name in steps}
    for _ in range(9):
        for name, step in steps.items():
            start = time.process_time()
            step()
            taken[name].append(time.process_time() - start)
    one = statistics.median(taken["a plain forward"])
    shown = ", ".join(f"{name} {statistics.median(t) / one:.2f}" for name, t in taken.items())
    figure(f"minilm-sst2, {size} texts of {TOKENS} pieces: {shown}")
