"""A program answers as a classic model reads: by its readout, or by one logit for each word."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.models.tracing import trace


@pytest.mark.parametrize("encoder", ["bilstm", "average"])
@pytest.mark.parametrize("paired", [False, True])
def test_a_program_answers_as_the_model_reads(make_model, make_batch, encoder, paired):
    model = make_model(encoder, "additive", paired=paired)
    batch = make_batch([6], paired=paired)
    with torch.no_grad():
        encoded = model.encode(batch)
        own = model.attend(encoded).unsqueeze(1)
    program = trace(lambda alpha: model.read(encoded, alpha), own)
    weights = np.random.default_rng(0).normal(size=own.shape)
    with torch.no_grad():
        expected = model.read(encoded, torch.from_numpy(weights).to(own)).numpy()
    np.testing.assert_allclose(program.run(weights), expected, atol=1e-10)
